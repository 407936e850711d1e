"""`postroom serve`: every setting is a flag of the same name, generated from `Settings`."""

import inspect
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from postroom.cli.output import Output
from postroom.cli.seat import OK, guarded
from postroom.errors import UnavailableError
from postroom.settings import Settings

app = typer.Typer(add_completion=False)

ONE_AT_A_TIME = {"roles": "--role"}
"""The flags of settings that hold several values: each gives one, again for more."""


def serve(*, config: Path | None, **flags: Any) -> None:
    """Serve the front door and the API until Ctrl+C or SIGTERM, then drain.

    Every setting has the same name as a flag, in the environment, and in a TOML file.
    A flag wins over the environment (POSTROOM_...), the environment over the file.
    """
    raise typer.Exit(guarded(Output(as_json=False), lambda: _serve(config, flags)))


def _serve(config: Path | None, flags: dict[str, Any]) -> int:
    # A flag that may be repeated, and was not given, is an empty list.
    settings = Settings.load(config, **{name: one for name, one in flags.items() if one != []})
    import uvloop  # noqa: PLC0415  # heavy: help must not wait for it

    from postroom import app as root  # noqa: PLC0415  # as above

    try:
        uvloop.run(root.serve(settings, tell=_tell))
    except SystemExit:  # how uvicorn says that it cannot have the address
        raise UnavailableError(
            f"cannot listen on {settings.host}:{settings.port}; another program may have it:"
            " stop that one, or give another --port"
        ) from None
    return OK


def _tell(line: str) -> None:
    typer.echo(line)


def _flag(name: str, field: FieldInfo) -> inspect.Parameter:
    """Return a setting as an option; unset, it leaves the word to environment and file."""
    declared = (ONE_AT_A_TIME[name],) if name in ONE_AT_A_TIME else ()
    option = typer.Option(
        *declared,
        help=f"{field.description} [dim]\\[{default_of(field)}][/dim]",
        show_default=False,
    )
    kind = Annotated[_kind(field) | None, option]  # type: ignore[valid-type]  # made at run time
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=None)


def _kind(field: FieldInfo) -> Any:
    """Return the type in which Typer takes a setting; pydantic checks the rest."""
    kind = field.annotation
    if get_origin(kind) in {Union, UnionType}:
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is tuple:
        return list[str]
    if kind is SecretStr or get_origin(kind) is Literal:
        return str
    return kind


def default_of(field: FieldInfo) -> str:
    """Return a setting's default in words."""
    if field.default is None:
        return "not set"
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    if isinstance(field.default, tuple):
        return ", ".join(field.default)
    return str(field.default)


_CONFIG = inspect.Parameter(
    "config",
    inspect.Parameter.KEYWORD_ONLY,
    annotation=Annotated[Path | None, typer.Option(help="A TOML file of settings.")],
    default=None,
)
_PARAMETERS = [_CONFIG, *(_flag(name, one) for name, one in Settings.model_fields.items())]
serve.__signature__ = inspect.Signature(_PARAMETERS)  # type: ignore[attr-defined]  # read by Typer
serve.__annotations__ = {one.name: one.annotation for one in _PARAMETERS}
app.command()(serve)
