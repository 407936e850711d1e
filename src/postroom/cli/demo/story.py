"""The story the demo plays: who sends what, and where each notification must arrive.

It is the article's own case: one account with several integrations, a sub-account, and people
who send envelopes from the web application and want no integration to see them.
"""

from postroom.envelopes.sim_envelope import SimEnvelope, SimRecipient, SimSender
from postroom.model import Json, Noun

MAIN = "a1000000-0000-4000-8000-000000000001"
UK = "a2000000-0000-4000-8000-000000000002"
KEY_NAMES = {MAIN: "DEMO_ACME_KEY", UK: "DEMO_ACME_UK_KEY"}
"""The environment variable that holds each account's Connect key."""

RETRY_SECONDS = (0.4, 0.8, 1.6, 3.2)
FLAKY = "BBB"
FAILURES = 2
"""How often the flaky listener answers 503 before it recovers."""


def _user(digits: str, name: str, email: str) -> SimSender:
    return SimSender(user_id=f"5f0c1f3e-0000-4000-8000-{digits:0>12}", name=name, email=email)


USER_123 = _user("123", "User 123 (AAA)", "aaa@acme.test")
USER_567 = _user("567", "User 567 (BBB)", "bbb@acme.test")
ALICE = _user("a11ce", "Alice", "alice@acme.test")
BOB = _user("b0b", "Bob", "bob@acme.test")
GRACE = _user("93ace", "Grace", "grace@acme-uk.test")
USERS = {MAIN: (USER_123, USER_567, ALICE, BOB), UK: (GRACE,)}


class Chapter(Noun, frozen=True, kw_only=True):
    """One envelope: what happens to it and which listeners must hear of it."""

    title: str
    envelope: SimEnvelope
    events: tuple[str, ...]
    arrives: dict[str, tuple[str, ...]]
    """Listener name to the events it must get, in this order. Anyone else: nothing."""


def chapters() -> tuple[Chapter, ...]:
    """Return the envelopes of the story in the order they are sent."""
    ended, declined = (
        ("envelope-sent", "envelope-completed"),
        ("envelope-sent", "envelope-declined"),
    )
    return (
        Chapter(
            title="Quote, sent by user 123",
            envelope=_envelope(1, MAIN, USER_123),
            events=ended,
            arrives={"AAA": ended, "audit": ended},
        ),
        Chapter(
            title="Order, sent by user 567",
            envelope=_envelope(2, MAIN, USER_567),
            events=declined,
            arrives={"BBB": declined, "audit": declined},
        ),
        Chapter(
            title="NDA, sent by Alice in the web app",
            envelope=_envelope(3, MAIN, ALICE),
            events=ended,
            arrives={"audit": ended},
        ),
        Chapter(
            title='Lease, sent by Bob, flagged "Integration A"',
            envelope=_envelope(4, MAIN, BOB, Integration="Integration A"),
            events=ended,
            arrives={"CCC": ended, "audit": ended},
        ),
        Chapter(
            title='Order, sent by user 567, flagged "Integration A"',
            envelope=_envelope(5, MAIN, USER_567, Integration="Integration A"),
            events=ended,
            arrives={"BBB": ended, "CCC": ended, "audit": ended},
        ),
        Chapter(
            title="Offer of the sub-account, sent by Grace",
            envelope=_envelope(6, UK, GRACE),
            events=ended,
            arrives={"UK": ended},
        ),
        Chapter(
            title="Draft of the sub-account, voided by Grace",
            envelope=_envelope(7, UK, GRACE),
            events=("envelope-voided",),
            arrives={},
        ),
    )


def connect_document(urls: dict[str, str]) -> Json:
    """Return the story's `connect.yaml`, given each listener's URL."""
    return {
        "accounts": [
            _account(MAIN, "Acme Corp"),
            _account(UK, "Acme UK") | {"parent": MAIN},
        ],
        "listeners": [
            _listener("AAA", MAIN, urls) | {"users": {"only": [USER_123.user_id]}},
            _listener("BBB", MAIN, urls) | {"users": {"only": [USER_567.user_id]}},
            _listener("CCC", MAIN, urls)
            | {"filter": {"customFields.Integration": "Integration A"}},
            _listener("audit", MAIN, urls),
            _listener("UK", UK, urls) | {"events": ["envelope-sent", "envelope-completed"]},
        ],
    }


LISTENERS = {"AAA": MAIN, "BBB": MAIN, "CCC": MAIN, "audit": MAIN, "UK": UK}
"""The account of each listener, by name."""


def _account(account_id: str, name: str) -> dict[str, Json]:
    return {
        "id": account_id,
        "name": name,
        "keys": [{"env": KEY_NAMES[account_id]}],
        "users": [{"id": user.user_id, "email": user.email} for user in USERS[account_id]],
    }


def _listener(name: str, account_id: str, urls: dict[str, str]) -> dict[str, Json]:
    return {
        "name": name,
        "account": account_id,
        "url": urls[name],
        "retry": list(RETRY_SECONDS),
    }


def _envelope(number: int, account_id: str, sender: SimSender, **fields: str) -> SimEnvelope:
    return SimEnvelope(
        account_id=account_id,
        id=f"e0000000-0000-4000-8000-{number:012d}",
        sender=sender,
        subject=f"Please sign: document {number}",
        text_fields=tuple(fields.items()),
        recipients=(SimRecipient(id="1", name="Sam Signer", email="sam@customer.test"),),
    )
