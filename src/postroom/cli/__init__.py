"""The command line: every verb of `operations`, against a database or a running server."""

from postroom.cli.program import main

__all__ = ["main"]
