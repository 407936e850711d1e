"""Adopting: one gateway in the place of all that an account's Connect configurations do."""
