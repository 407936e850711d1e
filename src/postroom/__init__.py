"""Postroom: one Docusign Connect feed in, every integration its own."""

__version__ = "0.1.0"
