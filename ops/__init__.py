"""What runs Carillon: endpoints, the local stack, the command line."""
