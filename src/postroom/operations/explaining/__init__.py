"""What the explanations are put together from."""
