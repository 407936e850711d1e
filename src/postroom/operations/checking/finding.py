"""What `check` finds: a rule, a sentence, what to do next, and an envelope that shows it."""

import json
from collections.abc import Iterator, Mapping
from typing import Literal

from postroom.model import Account, Json, Noun
from postroom.routing import words
from postroom.routing.proving.witness import Witness

Severity = Literal["error", "warning", "note"]
Place = tuple[str | int, ...]
_ORDINARY = {"status", "sender", "customFields", "emailSubject", "recipients"}
_MOST_NAMED = 5


class WitnessView(Noun, frozen=True, kw_only=True):
    """An envelope that shows it, in words and as the message Docusign would send."""

    in_words: str
    event: str
    sender_id: str
    sender_email: str
    subject: str | None
    custom_fields: dict[str, tuple[str, ...]]
    message: Json
    """JSON SIM, as a listener would get it."""
    first_seen_fields: Json = None
    """`customFields` as first seen, where they must differ from the present ones."""


class CheckFinding(Noun, frozen=True, kw_only=True):
    """One thing found."""

    rule: str
    """A key of `rules.RULES`."""
    severity: Severity
    message: str
    remedy: str
    account_id: str | None = None
    listeners: tuple[str, ...] = ()
    lane: str | None = None
    path: Place | None = None
    """Where it stands in the document; None where there is none."""
    witness: WitnessView | None = None


def view(found: Witness) -> WitnessView:
    """Return a witness for people and machines."""
    inside = found.body["data"]
    summary: Mapping[str, Json] = inside["envelopeSummary"]
    sender = summary["sender"] if isinstance(summary.get("sender"), dict) else {}
    subject = summary.get("emailSubject")
    shown = WitnessView(
        in_words="",
        event=found.body["event"],
        sender_id=inside["userId"],
        sender_email=str(sender.get("email", "")),
        subject=subject if isinstance(subject, str) else None,
        custom_fields=_fields(summary.get("customFields")),
        message=found.body,
        first_seen_fields=found.sticky_fields,
    )
    parts = [*_of_envelope(shown), *_rest(summary, found)]
    told = f"{shown.event} of {shown.sender_email or shown.sender_id}"
    in_words = f"{told} with {'; '.join(parts)}" if parts else told
    return WitnessView(
        **{name: getattr(shown, name) for name in shown.__struct_fields__ if name != "in_words"},
        in_words=words.clipped(in_words, words.LONGEST_SENTENCE),
    )


def owner(account: Account) -> str:
    """Return how an account is called."""
    return words.clipped(account.name or account.id, 100)


def named(names: tuple[str, ...] | list[str]) -> str:
    """Return some names as a list in words; of many the first few, and how many more."""
    shown = [words.clipped(name, 100) for name in names[:_MOST_NAMED]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _fields(kept: Json) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for entries in kept.values() if isinstance(kept, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and "name" in entry:
                found.setdefault(str(entry["name"]), []).append(str(entry.get("value", "")))
    return {name: tuple(values) for name, values in found.items()}


def _of_envelope(shown: WitnessView) -> Iterator[str]:
    for name, values in shown.custom_fields.items():
        quoted = " and ".join(map(words.quoted, values))
        yield f"custom field {words.clipped(name, 100)} {quoted}"
    if shown.subject is not None:
        yield f"subject {words.quoted(shown.subject)}"


def _rest(summary: Mapping[str, Json], found: Witness) -> Iterator[str]:
    """Yield what else is asked of it, as it stands in the message."""
    told = {key: value for key, value in summary.items() if key not in _ORDINARY}
    if recipients := summary.get("recipients"):
        told["recipients"] = recipients
    if isinstance(summary.get("emailSubject"), (dict, list)):
        told["emailSubject"] = summary["emailSubject"]
    for key, value in told.items():
        yield f"{key} {words.clipped(json.dumps(value, ensure_ascii=False), words.LONGEST_TEXT)}"
    if found.sticky_fields is not None:
        first = "; ".join(
            f"{name} {' and '.join(map(words.quoted, values))}"
            for name, values in _fields(found.sticky_fields).items()
        )
        yield f"first seen with {first or 'no such custom field'}"
