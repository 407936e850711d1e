"""`postroom version`."""

import typer

from postroom import __version__

app = typer.Typer(add_completion=False)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"postroom {__version__}")
