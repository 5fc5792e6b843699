"""Records that are written later."""
