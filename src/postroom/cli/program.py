"""The program: its commands by name, each loaded only when it is called."""

import importlib
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

RUN, ASK, DECIDE, SET_UP = "Run", "Ask", "Decide", "Set up"

COMMANDS: dict[str, tuple[str, str, str]] = {
    "serve": ("postroom.cli.serve", RUN, "Serve the front door and the API."),
    "demo": ("postroom.cli.demo", RUN, "Play the main job from end to end on this machine."),
    "apply": ("postroom.cli.apply", SET_UP, "Make accounts and listeners as connect.yaml says."),
    "plan": ("postroom.cli.plan", SET_UP, "Show what a file would do, before it is applied."),
    "diff": ("postroom.cli.diff", SET_UP, "Say where connect.yaml and the system differ."),
    "adopt": (
        "postroom.cli.adopt",
        SET_UP,
        "Put the gateway in the place of an account's Connect configurations.",
    ),
    "export": ("postroom.cli.export", SET_UP, "Write the system as a connect.yaml."),
    "advise": (
        "postroom.cli.advise",
        ASK,
        "Say which of the five options is right for whom, and write the files.",
    ),
    "check": ("postroom.cli.check", ASK, "Prove which listeners can share an envelope."),
    "lint": ("postroom.cli.lint", ASK, "Say what is odd about files before they are used."),
    "trigger": (
        "postroom.cli.trigger",
        RUN,
        "Play an envelope's life: an event, a story, a script.",
    ),
    "accounts": ("postroom.cli.accounts", SET_UP, "List accounts; show one."),
    "listeners": (
        "postroom.cli.listeners",
        SET_UP,
        "List listeners; show, pause, resume or remove one.",
    ),
    "keys": ("postroom.cli.keys", SET_UP, "List signing keys; add or retire one."),
    "integrations": (
        "postroom.cli.integrations",
        SET_UP,
        "List integrations, which may ask for access tokens; add or remove one.",
    ),
    "envelopes": (
        "postroom.cli.envelopes",
        DECIDE,
        "List the envelopes that live here; show one, act on one.",
    ),
    "notifications": ("postroom.cli.notifications", ASK, "List what came in; show one."),
    "explain": ("postroom.cli.explain", ASK, "Say who gets what, and why or why not."),
    "shadow": ("postroom.cli.shadow", ASK, "Say what a shadow would have got, beside a live one."),
    "deliveries": ("postroom.cli.deliveries", ASK, "List what goes out; show one with its tries."),
    "failures": ("postroom.cli.failures", ASK, "List deliveries that were given up."),
    "unclaimed": ("postroom.cli.unclaimed", ASK, "List notifications that nobody wanted."),
    "unreadable": ("postroom.cli.unreadable", ASK, "List signed messages that cannot be read."),
    "rejections": ("postroom.cli.rejections", ASK, "List messages refused at the front door."),
    "health": ("postroom.cli.health", ASK, "Say what is owed, and what wants attention."),
    "audit": ("postroom.cli.audit", ASK, "List who did what."),
    "held": ("postroom.cli.held", DECIDE, "List deliveries that wait for data; release them."),
    "crossed": (
        "postroom.cli.crossed",
        DECIDE,
        "List what two listeners of one lane wanted; say who gets it.",
    ),
    "replay": ("postroom.cli.replay", DECIDE, "Deliver again what was delivered or given up."),
    "reconcile": (
        "postroom.cli.reconcile",
        DECIDE,
        "List what happened on an account and never arrived; make it up.",
    ),
    "migrate": ("postroom.cli.migrate", RUN, "Bring a database's tables up to date."),
    "backup": ("postroom.cli.backup", RUN, "Copy the database file while it is served."),
    "copy": ("postroom.cli.copy", RUN, "Move an installation to PostgreSQL, or back."),
    "clock": ("postroom.cli.clock", RUN, "Tell the server's time; move a virtual clock."),
    "version": ("postroom.cli.version", RUN, "Print the version."),
}


class Program(TyperGroup):
    """Knows its commands by one line each: `postroom --help` loads none of them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=line, rich_help_panel=panel)
            for name, (_, panel, line) in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and command else command, rest


def load(name: str) -> Any:
    """Import a command and return it as Typer runs it: the module's app, or its function."""
    module = importlib.import_module(COMMANDS[name][0])
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(name)(getattr(module, name))
    command: Any = typer.main.get_command(app)
    command.name = name
    return command


program = typer.Typer(
    name="postroom",
    cls=Program,
    help="One Docusign Connect feed in, every integration its own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@program.callback()
def _nothing_shared() -> None:
    """One Docusign Connect feed in, every integration its own."""


def main() -> None:
    """Run the command line."""
    if not sys.stdout.isatty():
        _never_narrow(os.environ)
    program()


def _never_narrow(environment: MutableMapping[str, str]) -> None:
    """Let tables be as wide as they need where no terminal says how wide it is."""
    environment.setdefault("COLUMNS", "200")
