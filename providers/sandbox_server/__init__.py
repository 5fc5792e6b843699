"""A provider for a laptop: a real HTTP server that takes messages, counts them exactly, and misbehaves when told to."""
