"""Who wants a notification, and why. Pure."""
