"""What leaves: one file a provider, pure; `sender` is the only part that talks to the network."""
