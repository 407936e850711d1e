"""Listeners and messages at random, close enough to each other to meet often."""

import json
from typing import Any

from hypothesis import strategies as st
from tests.unit.routing_cast import A1, ALICE, EMAILS, ENVELOPE, U123, U567, listener, notification

from postroom.model import Account, Group, Listener, Notification, User, UserCondition

ACCOUNT = Account(
    id=A1,
    users=(
        User(id=U123, email=EMAILS[U123], groups=("integrations",)),
        User(id=U567, email=EMAILS[U567], groups=("integrations", "erp")),
        User(email="nobody@example.com", groups=("people",)),
    ),
    groups=(Group(id="1", name="empty"),),
)
EVENTS = ("envelope-sent", "envelope-completed", "recipient-completed")

_TEXTS = ("", "a", "A", "ab", "ba", " a", "a ", "aß", "ASS", "ss", "1", "5", "5.0", "15", "1e1")
_DATES = ("2026-01-01", "2026-01-02", "2026-01-01T12:00:00Z", "2026-01-02T00:00:00+02:00")
texts = st.sampled_from((*_TEXTS, *_DATES)) | st.text("aAbß1.5 e", max_size=3)
globs = st.text("aAb1?*[]!-", min_size=1, max_size=5)
bounds = st.sampled_from((0, 1, 5, 10, "4.5", "5.0", *_DATES))
senders = st.sampled_from((U123, U567, ALICE))
emails = st.sampled_from((*EMAILS.values(), "nobody@example.com", "NOBODY@example.com"))

_IDENTIFIERS = {
    "event": st.sampled_from((*EVENTS, "envelope")),
    "sender.userId": senders | st.just(U123.upper()),
    "sender.email": emails,
    "envelopeId": st.sampled_from((ENVELOPE, ENVELOPE.upper(), "e")),
    "accountId": st.sampled_from((A1, A1.upper(), "a")),
}
_FREE = (
    "customFields.A",
    "customFields.B",
    "envelope.emailSubject",
    "envelope.recipients",
    "envelope.recipients.signers.email",
    "recipients.signers.tabs.textTabs.value",
    "recipient.email",
    "envelope.customFields.textCustomFields.value",
    "envelope.sender.email",
)
_BY_TEXT = ("equals", "startsWith", "endsWith", "contains", "equalsIgnoreCase")


def _tests(words: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    one = (
        st.tuples(st.sampled_from(_BY_TEXT), words)
        | st.tuples(st.just("in"), st.lists(words, min_size=1, max_size=3))
        | st.tuples(st.just("glob"), globs)
        | st.tuples(st.sampled_from(("gt", "gte", "lt", "lte")), bounds)
    )
    return st.lists(one, min_size=1, max_size=2).map(dict)


def _condition(path: str, words: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    asked = (
        _tests(words)
        | st.fixed_dictionaries({"exists": st.booleans()})
        | st.fixed_dictionaries({"not": _tests(words)})
        | st.tuples(_tests(words), _tests(words)).map(lambda two: {**two[0], "not": two[1]})
    )
    return asked.map(lambda operand: {path: operand})


conditions = st.sampled_from(_FREE[:3] * 3 + _FREE[3:]).flatmap(
    lambda path: _condition(path, texts)
) | st.sampled_from(sorted(_IDENTIFIERS)).flatmap(lambda path: _condition(path, _IDENTIFIERS[path]))
filters = st.recursive(
    conditions,
    lambda inner: (
        st.fixed_dictionaries({"not": inner})
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts})
    ),
    max_leaves=5,
)
users = st.builds(
    UserCondition,
    kind=st.sampled_from(("only", "except")),
    ids=st.lists(senders, max_size=1).map(tuple),
    emails=st.lists(emails, max_size=1).map(tuple),
    groups=st.lists(
        st.sampled_from(("integrations", "erp", "people", "empty", "unlisted")), max_size=1
    ).map(tuple),
).filter(lambda found: bool(found.ids or found.emails or found.groups))


@st.composite
def listeners(draw: st.DrawFn, number: int) -> Listener:
    return listener(
        f"l{number}",
        number,
        events=draw(st.just(()) | st.lists(st.sampled_from(EVENTS), max_size=2).map(tuple)),
        users=draw(st.none() | st.none() | users),
        filter=draw(st.none() | filters | filters | filters),
        comparison=draw(st.sampled_from(("exact", "exact", "loose"))),
        field_policy=draw(st.sampled_from(("current", "current", "sticky"))),
        scope=draw(st.sampled_from(("account",) * 4 + ("envelope",))),
        is_active=draw(st.sampled_from((True,) * 9 + (False,))),
    )


@st.composite
def _fields(draw: st.DrawFn) -> dict[str, Any]:
    entry = st.fixed_dictionaries({"name": st.sampled_from("AB"), "value": texts})
    return {
        "textCustomFields": draw(st.lists(entry, max_size=3)),
        "listCustomFields": draw(st.lists(entry, max_size=1)),
    }


_sender = st.fixed_dictionaries({}, optional={"email": emails, "userId": senders})
_signer: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"recipientId": st.sampled_from("12"), "email": texts},
    optional={"tabs": st.fixed_dictionaries({"textTabs": st.lists(st.builds(dict, value=texts))})},
)
_summaries = st.fixed_dictionaries(
    {},
    optional={
        "customFields": _fields(),
        "emailSubject": texts,
        "sender": _sender,
        "recipients": st.fixed_dictionaries({}, optional={"signers": st.lists(_signer)}),
    },
)


@st.composite
def messages(draw: st.DrawFn, names: tuple[str, ...]) -> Notification:
    """Draw a message in the documented shape, with much, little or nothing inside."""
    return notification(
        draw(st.none() | _summaries | _summaries | _summaries | _summaries),
        event=draw(st.sampled_from(EVENTS)),
        sender_id=draw(senders | senders | st.none()),
        recipient_id=draw(st.none() | st.sampled_from("12")),
        sticky_fields=draw(st.none() | _fields().map(_encoded)),
        attached=draw(st.just(names) | st.just(())),
    )


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
