"""What `adopt` says: the plan for people, and what was done."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import RenderableType

from postroom import __version__
from postroom.cli.output import Column, Row, facts, heading, plain, table
from postroom.model import Json
from postroom.operations.adopting.account import MOST_CONFIGURATIONS, bare
from postroom.operations.adopting.memory import Memory
from postroom.operations.adopting.plan import KEY_ENV, AdoptionPlan, Taken
from postroom.operations.adopting.translation import Left

_TAKEN = (
    Column(heading="id", says="id"),
    Column(heading="configuration", says="name"),
    Column(heading="listener", says="listener"),
    Column(heading="format", says="format"),
    Column(heading="url", says="url"),
    Column(heading="proof", says="proof"),
)
_LEFT = (
    Column(heading="id", says="id"),
    Column(heading="configuration", says="name"),
    Column(heading="on", says="on"),
    Column(heading="why", says="why"),
    Column(heading="what to do", says="remedy"),
)
_OTHERWISE = (
    Column(heading="listener", says="listener"),
    Column(heading="what is otherwise", says="what"),
    Column(heading="what to do", says="remedy"),
)
_FEED_ID = "configurationId in a JSON message is that of the one configuration"


def head(made: AdoptionPlan) -> Iterator[str]:
    """Yield the comment at the head of the file that is written."""
    yield f"What the Connect configurations of account {made.account_id} do,"
    yield f"as postroom {__version__} found them."
    yield f"Put the account's Connect HMAC key into {KEY_ENV}; Docusign shows it only when made."
    if made.fields:
        yield ""
        yield f"Custom fields that filters could go by: {', '.join(made.fields)}"


def lines(
    made: AdoptionPlan, out_file: Path, state_file: Path, *, is_applied: bool
) -> Iterator[RenderableType]:
    """Yield the plan for people."""
    if made.switch_off:
        yield plain("The same notifications would reach the same URLs; that is proved for each of:")
        yield table([_taken(one) for one in made.switch_off], _TAKEN)
        yield from _otherwise(made)
    if made.left:
        yield heading("Left alone:")
        yield table([_left(one) for one in made.left], _LEFT)
    if made.create is None:
        yield plain("\nThere is nothing to take over.")
        return
    yield heading("The one configuration:")
    yield facts((key, _shown(value)) for key, value in made.create.items())
    yield plain(f"\n{out_file} is written.")
    if is_applied:
        yield plain(
            f"The account is adopted. What was changed is in {state_file}; --undo puts it back."
        )
    else:
        yield from _next(made, out_file)


def done(memory: Memory, state_file: Path) -> Iterator[str]:
    """Yield what became of an adoption that was gone on with."""
    yield (
        f"The account is adopted: {memory.created_id} is on, {len(memory.switch_off)} are off."
        f" What was changed is in {state_file}; --undo puts it back."
    )


def undone(memory: Memory) -> Iterator[str]:
    """Yield what became of putting back."""
    yield f"All is as it was: {len(memory.switch_off)} are on again, and the one is deleted."


def _next(made: AdoptionPlan, out_file: Path) -> Iterator[str]:
    off = ", ".join(one.adopted.connect_id for one in made.switch_off)
    yield "Nothing was changed on the account. To take it over:"
    if made.is_full:
        yield f"  0. delete a configuration that is not needed: {MOST_CONFIGURATIONS} are all that"
        yield "     Docusign lets the account have, and it needs room for one more"
    yield f"  1. {KEY_ENV}=... postroom apply {out_file}   (on the gateway)"
    yield "  2. the same command with --apply: it creates the one configuration, then"
    yield f"     switches off {off}"


def _otherwise(made: AdoptionPlan) -> Iterator[RenderableType]:
    rows: list[Row] = [
        {
            "listener": one.adopted.listener["name"],
            "what": each.what,
            "remedy": each.remedy,
        }
        for one in made.switch_off
        for each in one.adopted.differences
    ]
    rows.append({"listener": "all", "what": _FEED_ID, "remedy": "go by the URL instead"})
    yield heading("Otherwise than before:")
    yield table(rows, _OTHERWISE)


def _taken(one: Taken) -> Row:
    return {
        "id": one.adopted.connect_id,
        "name": one.adopted.name,
        "listener": one.adopted.listener["name"],
        "format": one.adopted.listener["format"],
        "url": bare(one.adopted.url),
        "proof": "the same" if one.proof.is_same else "; ".join(one.proof.reasons),
    }


def _left(one: Left) -> Row:
    return {
        "id": one.connect_id,
        "name": one.name,
        "on": one.is_on,
        "why": one.why,
        "remedy": one.remedy,
    }


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "nothing"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_shown(one)}" for key, one in value.items())
    return str(value)
