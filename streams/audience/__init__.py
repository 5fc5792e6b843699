"""Fan-out on read: each partition expands its own users, chunk by chunk, and decides for each of them."""
