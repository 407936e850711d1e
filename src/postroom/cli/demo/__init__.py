"""The demo: the article's own case played against the real server, told step by step."""

from postroom.cli.demo.command import demo

__all__ = ["demo"]
