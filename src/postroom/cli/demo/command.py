"""`postroom demo`: the main job from end to end, on this machine, in a few seconds."""

import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
import yaml
from rich.console import Console

from postroom.cli.demo import listeners, story, table
from postroom.cli.demo.gateway import Gateway, running
from postroom.cli.demo.gather import gather
from postroom.cli.demo.listeners import Listener
from postroom.cli.demo.play import forge, new_key, play, resend
from postroom.cli.demo.report import Report
from postroom.errors import UnavailableError


def demo(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the end result as JSON.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server running until Ctrl+C.")
    ] = False,
) -> None:
    """Play the main job: notifications in, integrations and an audit out, and why.

    Starts a server on a temporary database and real listeners on loopback.
    Ends with 0 only if every listener got exactly what it should.
    """
    signal.signal(signal.SIGTERM, _leave)  # so that the server and its folder go with us
    told = Console(stderr=as_json, quiet=as_json and not keep)
    keys = {account_id: new_key() for account_id in story.KEY_NAMES}
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
        try:
            made = _play_in(Path(folder), keys, told, as_json=as_json, keep=keep)
        except UnavailableError as problem:
            Console(stderr=True).print(f"The demo could not be played: {problem}", markup=False)
            raise typer.Exit(1) from None
    raise typer.Exit(1 if made.problems else 0)


def _leave(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _play_in(
    folder: Path, keys: Mapping[str, str], told: Console, *, as_json: bool, keep: bool
) -> Report:
    with listeners.serving(keys) as served, running(folder) as gateway:
        _set_up(gateway, {name: url for name, (_, url) in served.items()}, keys, told)
        made = _run(gateway, {name: one for name, (one, _) in served.items()}, keys, told)
        if as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(made)).decode() + "\n")
            sys.stdout.flush()
        else:
            _conclude(made, told)
        if keep:
            _stay(gateway, told)
    return made


def _set_up(
    gateway: Gateway, urls: Mapping[str, str], keys: Mapping[str, str], told: Console
) -> None:
    told.print(
        "[bold]One Docusign feed in, every integration its own.[/bold]\n"
        "Acme Corp has one Docusign account, and a sub-account for the UK.\n"
        "  AAA    wants what user 123 sends (associated users)\n"
        "  BBB    wants what user 567 sends, and will fail twice before it recovers\n"
        "  CCC    wants what carries the custom field “Integration A”, whoever sends it\n"
        "  audit  wants everything of the main account\n"
        "  UK     wants what the sub-account sends and completes\n"
        "Alice and Bob use the web app; no integration asked for what they send.\n",
        highlight=False,
    )
    told.print(f"A server is running at {gateway.url}, and five listeners on loopback.\n")
    text = yaml.safe_dump(story.connect_document(dict(urls)), sort_keys=False, allow_unicode=True)
    (gateway.folder / "connect.yaml").write_text(text, encoding="utf-8")
    told.print("[bold]postroom apply connect.yaml[/bold]")
    told.print(gateway.apply(keys), markup=False, highlight=False)


def _run(
    gateway: Gateway, served: Mapping[str, Listener], keys: Mapping[str, str], told: Console
) -> Report:
    told.print("\n[bold]Docusign sends, signed, and is answered once all is on disk:[/bold]")
    sent = play(gateway, keys, lambda line: told.print(line, markup=False, highlight=False))
    again, forged = resend(gateway, keys, sent[0]), forge(gateway, sent[0])
    told.print(f"  The first one once more, as after a lost answer: {again}, known already")
    told.print(f"  A forged one, signed with another key: {forged}, refused and listed")
    told.print("\nWaiting until every listener has what it is owed…\n")
    is_settled = gateway.settled()
    made = gather(gateway, {name: one.arrivals() for name, one in served.items()}, sent)
    more = _wrong_ends(is_settled=is_settled, again=again, forged=forged)
    return msgspec.structs.replace(made, problems=made.problems + more)


def _wrong_ends(*, is_settled: bool, again: int, forged: int) -> tuple[str, ...]:
    wrong = [] if is_settled else ["something is still owed to a listener"]
    if again != HTTPStatus.OK:
        wrong.append(f"the repeated message was answered {again} instead of 200")
    if forged != HTTPStatus.UNAUTHORIZED:
        wrong.append(f"the forged message was answered {forged} instead of 401")
    return tuple(wrong)


def _conclude(made: Report, told: Console) -> None:
    told.print(table.render(made))
    if made.problems:
        told.print("\n[bold red]Not as it should be:[/bold red]")
        for problem in made.problems:
            told.print(f"  {problem}", markup=False)
        return
    told.print(
        "\n[bold green]Every listener got exactly what it should, and verified every signature."
        "[/bold green]"
    )


def _stay(gateway: Gateway, told: Console) -> None:
    told.print(
        f"\nThe server goes on running. Try it from another terminal:\n"
        f"  export POSTROOM_SERVER={gateway.url} POSTROOM_TOKEN={gateway.token}\n"
        f"  postroom listeners\n"
        f"The API is at {gateway.url}/api/v1, the front door at {gateway.url}/connect.\n"
        f"Its files are in {gateway.folder}. Ctrl+C ends it and removes them.",
        markup=False,
        soft_wrap=True,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        told.print("\nEnded.")
