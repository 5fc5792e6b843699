"""The conservation checker: reads the log, with code of its own, and proves that every recipient ended in exactly one state."""
