"""What providers say of messages they took: webhooks, verified and read. Pure: no I/O, no clock."""
