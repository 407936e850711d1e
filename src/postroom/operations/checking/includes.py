"""What the feed must carry for the filters to be decided: asked of the very code that decides."""

from collections.abc import Iterator

import msgspec

from postroom.model import Json, Listener, Notification
from postroom.operations.checking.finding import CheckFinding, named
from postroom.operations.checking.subject import Household, Placed
from postroom.routing import grammar, paths
from postroom.routing.conditions import AllOf, AnyOf, Condition, Negation, Node
from postroom.routing.content import Content
from postroom.routing.users import CompiledUsers, Directory

ANY = "any"
"""Stands for whichever include there is: each brings the envelopeSummary."""
_PARTS: tuple[Json, ...] = (
    None,
    {},
    {"recipients": {"signers": [{"recipientId": "1"}]}, "envelopeDocuments": [{}]},
)
"""Envelopes that carry ever more, without what an include adds."""
_EMAIL = paths.Path(text="sender.email", root="sender", segments=("email",))


def missing(household: Household, has: frozenset[str] | None) -> Iterator[CheckFinding]:
    """Yield the includes that the filters need: a note each, an error where `has` lacks one.

    `has` holds what the account's configurations carry, None where that is not known.
    """
    directory = Directory(household.account)
    needed: dict[str, list[Placed]] = {}
    for placed in household.listeners:
        for token in sorted(needs(placed.listener, directory)):
            needed.setdefault(token, []).append(placed)
    for token, placed_ in needed.items():
        if has is not None and (token in has or (token == ANY and has)):
            continue
        yield _finding(household, token, placed_, is_known=has is not None)


def needs(listener: Listener, directory: Directory) -> set[str]:
    """Return the includeData tokens that a listener's conditions need, or only `ANY`."""
    node = grammar.read(listener.filter).node
    looked_at = list(_paths(node)) if node is not None else []
    if listener.users is not None and CompiledUsers(listener.users, directory).wanted_emails:
        looked_at.append(_EMAIL)
    found: set[str] = set()
    for content in map(_content, _PARTS):
        for path in looked_at:
            sight = content.look(path)
            if sight.doubt is not None:
                found.add(sight.include or ANY)
    return found if found == {ANY} else found - {ANY}


def _finding(
    household: Household, token: str, placed: list[Placed], *, is_known: bool
) -> CheckFinding:
    names = tuple(one.listener.name for one in placed)
    look = "looks" if len(names) == 1 else "look"
    what = "more than event and ids" if token == ANY else f"what the include `{token}` brings"
    # Configurations do not say whose they are: in a file of several accounts it may be another's.
    lacks = "; no active configuration that was given has it" if is_known else ""
    wanted = "some include, such as custom_fields," if token == ANY else token
    return CheckFinding(
        rule="missing-include",
        severity="error" if is_known else "note",
        message=f"{named(names)} {look} at {what}{lacks}",
        remedy=f"the feed's Connect configuration must have {wanted} in eventData.includeData",
        account_id=household.account.id,
        listeners=names,
        path=placed[0].at("filter"),
    )


def _paths(node: Node) -> Iterator[paths.Path]:
    match node:
        case Condition():
            yield node.path
        case Negation():
            yield from _paths(node.part)
        case AllOf() | AnyOf():
            for part in node.parts:
                yield from _paths(part)


def _content(summary: Json) -> Content:
    inside: dict[str, Json] = {"recipientId": "1"}
    if summary is not None:
        inside["envelopeSummary"] = summary
    return Content(
        Notification(
            id="evt_" + "0" * 32,
            account_id="a",
            envelope_id="e",
            event="recipient-completed",
            recipient_id="1",
            sender_id="u",
            occurred_at=0,
            received_at=0,
            body=msgspec.json.encode({"data": inside}),
        )
    )
