"""From changed rows of upstream tables to changes of profiles, by mappings that are data."""
