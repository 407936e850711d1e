"""`postroom demo`: the main job from end to end, on this machine, in a few seconds."""

import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import yaml
from rich.console import Console

from postroom.cli.demo import listeners, story, table
from postroom.cli.demo.gateway import Gateway, running
from postroom.cli.demo.listeners import Listener
from postroom.cli.demo.play import forge, new_key, play, resend
from postroom.cli.demo.report import Report, report
from postroom.errors import UnavailableError


def demo(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the end result as JSON.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server running until Ctrl+C.")
    ] = False,
) -> None:
    """Play the main job: notifications in, three integrations and an audit out, and why.

    Starts a server on a temporary database and real listeners on loopback. Ends with 0 only if
    every listener got exactly what it should.
    """
    told = Console(stderr=as_json, quiet=as_json and not keep)
    keys = {account_id: new_key() for account_id in story.KEY_NAMES}
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
        try:
            problems = _play_in(Path(folder), keys, told, as_json=as_json, keep=keep)
        except UnavailableError as problem:
            Console(stderr=True).print(f"The demo could not be played: {problem}", markup=False)
            raise typer.Exit(1) from None
    raise typer.Exit(1 if problems else 0)


def _play_in(
    folder: Path, keys: Mapping[str, str], told: Console, *, as_json: bool, keep: bool
) -> tuple[str, ...]:
    with listeners.serving(keys) as served, running(folder) as gateway:
        _set_up(gateway, {name: url for name, (_, url) in served.items()}, keys, told)
        made = _run(gateway, {name: one for name, (one, _) in served.items()}, keys, told)
        if as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(made)).decode() + "\n")
        else:
            _conclude(made, told)
        if keep:
            _stay(gateway, told)
    return made.problems


def _set_up(
    gateway: Gateway, urls: Mapping[str, str], keys: Mapping[str, str], told: Console
) -> None:
    told.print(
        "[bold]One Docusign feed in, every integration its own.[/bold]\n"
        "Acme Corp has one Docusign account and a sub-account for the UK. AAA wants what user 123\n"
        "sends, BBB what user 567 sends, CCC what carries the custom field “Integration A”; audit\n"
        "wants everything of the main account. Alice and Bob just send envelopes.\n"
    )
    told.print(f"A server is running at {gateway.url}, and five listeners on loopback.")
    told.print(f"{story.FLAKY} will fail {story.FAILURES} times before it recovers.\n")
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
    told.print(f"  The first one once more, as after a lost answer: {again}, delivered once only")
    told.print(f"  A forged one, signed with another key: {forged}, refused and listed")
    told.print("\nWaiting until every listener has what it is owed…")
    is_settled = gateway.settled()
    arrivals = {name: one.arrivals() for name, one in served.items()}
    made = report(gateway, arrivals, sent, is_settled=is_settled)
    return msgspec.structs.replace(made, problems=made.problems + _wrong_answers(again, forged))


def _wrong_answers(again: int, forged: int) -> tuple[str, ...]:
    wrong = []
    if again != 200:  # noqa: PLR2004  # HTTP's OK
        wrong.append(f"the repeated message was answered {again} instead of 200")
    if forged != 401:  # noqa: PLR2004  # HTTP's Unauthorized
        wrong.append(f"the forged message was answered {forged} instead of 401")
    return tuple(wrong)


def _conclude(made: Report, told: Console) -> None:
    told.print(table.render(made))
    if made.problems:
        told.print("\n[bold red]Not as it should be:[/bold red]")
        for problem in made.problems:
            told.print(f"  {problem}", markup=False)
        return
    told.print("\n[bold green]Every listener got exactly what it should, signed.[/bold green]")


def _stay(gateway: Gateway, told: Console) -> None:
    told.print(
        f"\nThe server goes on running. Try it from another terminal:\n"
        f"  export POSTROOM_SERVER={gateway.url} POSTROOM_TOKEN={gateway.token}\n"
        f"  postroom listeners\n"
        f"The API is at {gateway.url}/api/v1, the front door at {gateway.url}/connect.\n"
        f"Its files are in {gateway.folder}. Ctrl+C ends it and removes them.",
        markup=False,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        told.print("\nEnded.")
