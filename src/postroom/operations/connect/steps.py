"""The steps of a script: `- view: 1`, `- decline: {recipient: 2, reason: ...}`, `- wait: 3 days`.

A verb alone is enough where the envelope has one recipient, or where the verb is about none.
"""

import re
from collections.abc import Mapping, Sequence
from typing import get_args

from msgspec.structs import replace

from postroom.envelopes.envelope import Action, Verb
from postroom.envelopes.stories import Beat
from postroom.model import Json
from postroom.operations.document import Problem

Place = tuple[str | int, ...]

VERBS: tuple[Verb, ...] = get_args(Verb)
ABOUT_A_RECIPIENT = frozenset(
    {
        "view",
        "sign",
        "decline",
        "fail-authentication",
        "bounce",
        "auto-reply",
        "reassign",
        "delegate",
        "finish-later",
        "correct",
    }
)
"""Verbs that need a recipient; `resend` may have one."""
MAX_TEXT = 500
MAX_TABS = 500
MAX_WAIT_SECONDS = 3_660 * 86_400
_WAIT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([a-z]{1,7})")
_UNITS = {"s": 1, "second": 1, "m": 60, "minute": 60, "h": 3600, "hour": 3600}
_UNITS |= {"d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800}
_TAKES: dict[str, frozenset[str]] = {
    "sign": frozenset({"tabs"}),
    "decline": frozenset({"reason"}),
    "bounce": frozenset({"reason"}),
    "auto-reply": frozenset({"reason"}),
    "void": frozenset({"reason"}),
    "reassign": frozenset({"reason", "name", "email"}),
    "delegate": frozenset({"reason", "name", "email"}),
    "correct": frozenset({"name", "email"}),
    "purge": frozenset({"state"}),
}
_ADDS_RECIPIENTS = frozenset({"reassign", "delegate"})


class _BadStepError(Exception):
    """What is wrong with a step, and where in it."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


def read(
    said: Sequence[Json], recipient_ids: Sequence[str], place: Place, problems: list[Problem]
) -> tuple[Beat, ...]:
    """Return the beats of an envelope's steps; what is wrong with any is added to `problems`."""
    beats: list[Beat] = []
    wait, ids = 0.0, list(recipient_ids)
    is_closed = True
    for number, step in enumerate(said):
        try:
            verb, value = _split(step)
            if verb == "wait":
                wait += seconds(value)
                continue
            action = _action(verb, value, ids, is_closed=is_closed)
        except _BadStepError as bad:
            problems.append(Problem(path=(*place, number, *bad.path), message=str(bad)))
            continue
        beats.append(Beat(action=action, after_seconds=wait))
        wait = 0.0
        # Whoever a recipient hands it to is a recipient that the script does not list.
        is_closed = is_closed and verb not in _ADDS_RECIPIENTS
    if wait:
        problems.append(Problem(path=place, message="nothing follows the last wait; leave it out"))
    return tuple(beats)


def seconds(value: Json) -> float:
    """Return a time to wait in seconds, of `90`, `3 days`, `2h` and the like."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _BadStepError("write a time, such as 3 days or 90 seconds", "wait")
    text = str(value).strip().lower()
    found = _WAIT.fullmatch(text if not text.replace(".", "", 1).isdigit() else f"{text}s")
    unit = _UNITS.get(found[2]) or _UNITS.get(found[2].removesuffix("s")) if found else None
    if found is None or unit is None:
        raise _BadStepError("write a time, such as 3 days, 2 hours or 90 seconds", "wait")
    waited = float(found[1]) * unit
    if waited > MAX_WAIT_SECONDS:
        raise _BadStepError("this is longer than ten years", "wait")
    return waited


def _split(step: Json) -> tuple[str, Json]:
    if isinstance(step, str):
        verb, value = step, None
    elif isinstance(step, Mapping) and len(step) == 1:
        verb, value = next(iter(step.items()))
    else:
        raise _BadStepError("write one verb, such as sign: 1 or wait: 3 days")
    if verb not in VERBS and verb != "wait":
        known = ", ".join((*VERBS, "wait"))
        raise _BadStepError(f"there is no verb {str(verb)[:50]!r}; there are {known}")
    return verb, value


def _action(verb: str, value: Json, ids: Sequence[str], *, is_closed: bool) -> Action:
    given = _given(verb, value)
    takes = _TAKES.get(verb, frozenset()) | _recipient_key(verb)
    for key in given:
        if key not in takes:
            known = f"known are {', '.join(sorted(takes))}" if takes else "it takes nothing"
            raise _BadStepError(f"{verb} has no {str(key)[:50]!r}; {known}", verb)
    action = Action(verb=verb)  # type: ignore[arg-type]  # checked in `_split`
    recipient = _recipient(verb, given, ids, is_closed=is_closed)
    if recipient is not None:
        action = replace(action, recipient_id=recipient)
    texts = {key: _text(verb, given, key) for key in ("reason", "name", "email") if key in given}
    if "state" in given:
        texts["purge_state"] = _text(verb, given, "state")
    return replace(action, **texts, tabs=_tabs(verb, given))


def _recipient_key(verb: str) -> frozenset[str]:
    return frozenset({"recipient"} if verb in ABOUT_A_RECIPIENT or verb == "resend" else ())


def _given(verb: str, value: Json) -> Mapping[str, Json]:
    """Return what a step says by key: a value alone is what the verb is about."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list):
        raise _BadStepError("write one value, or keys and their values", verb)
    alone = {"void": "reason", "purge": "state"}.get(verb, "recipient")
    return {alone: value}


def _recipient(
    verb: str, given: Mapping[str, Json], ids: Sequence[str], *, is_closed: bool
) -> str | None:
    if "recipient" not in given:
        if verb not in ABOUT_A_RECIPIENT:
            return None
        if len(ids) == 1 and is_closed:
            return ids[0]
        raise _BadStepError(f"say whose: {verb}: {ids[0] if ids else '1'}", verb)
    recipient = _text(verb, given, "recipient")
    if recipient not in ids and is_closed:
        raise _BadStepError(f"there is no recipient {recipient[:50]}; there are {_list(ids)}", verb)
    return recipient


def _list(ids: Sequence[str]) -> str:
    return ", ".join(ids[:20]) or "none"


def _text(verb: str, given: Mapping[str, Json], key: str) -> str:
    value = given[key]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _BadStepError(f"write a text for {key}", verb, key)
    if len(str(value)) > MAX_TEXT:
        raise _BadStepError(f"{key} is longer than {MAX_TEXT} characters", verb, key)
    return str(value)


def _tabs(verb: str, given: Mapping[str, Json]) -> Json:
    tabs = given.get("tabs")
    if tabs is None:
        return None
    if not isinstance(tabs, Mapping) or len(tabs) > MAX_TABS:
        raise _BadStepError("write labels and their values, at most 500", verb, "tabs")
    return {str(label): _text(verb, tabs, label) for label in tabs}
