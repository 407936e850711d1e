"""What is compared: what is kept here, and what is odd."""
