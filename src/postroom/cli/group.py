"""A command with subcommands, of which `list` is meant when none is named."""

from typing import Any

import typer
from typer.core import TyperGroup


class _ListByDefault(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read `postroom held --json` as `postroom held list --json`."""
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def listing(line: str) -> typer.Typer:
    """Return an empty group that lists by default; `line` is its help."""
    app = typer.Typer(cls=_ListByDefault, help=line, add_completion=False)

    @app.callback()
    def group() -> None:
        pass

    group.__doc__ = line
    return app
