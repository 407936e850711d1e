"""What advice is read from, and what it is written into."""
