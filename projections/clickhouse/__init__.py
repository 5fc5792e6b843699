"""The read side of analysts: one row per status event, and views over them."""
