"""The read side of users and services: history, timeline, inbox."""
