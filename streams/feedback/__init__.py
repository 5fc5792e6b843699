"""What providers say later of what they took: statuses, and what follows from them for profiles and routes."""
