"""From upstream events to requests for notifications, by trigger rules that are data."""
