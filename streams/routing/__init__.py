"""On which channels, by which provider, and whether at all."""
