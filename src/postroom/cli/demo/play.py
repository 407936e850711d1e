"""Playing the story: the messages are made, signed and sent as Docusign would send them."""

import secrets
import time
from collections.abc import Callable, Mapping

from postroom import signature
from postroom.cli.demo import story
from postroom.cli.demo.gateway import Gateway
from postroom.clock import SECOND
from postroom.envelopes.sim_message import message
from postroom.model import Noun

INCLUDE = ("custom_fields", "recipients")
Say = Callable[[str], None]


class Sent(Noun, frozen=True, kw_only=True):
    """One message as it was posted."""

    chapter: story.Chapter
    event: str
    body: bytes
    status: int


def play(gateway: Gateway, keys: Mapping[str, str], say: Say) -> tuple[Sent, ...]:
    """Send every event of every chapter in order; say what happens; return what was sent."""
    sent: list[Sent] = []
    for chapter in story.chapters():
        key = keys[chapter.envelope.account_id]
        of_chapter = [_send(gateway, chapter, event, key) for event in chapter.events]
        answers = ", ".join(f"{one.event} → {one.status}" for one in of_chapter)
        say(f"  {chapter.title}: {answers}")
        sent += of_chapter
    return tuple(sent)


def resend(gateway: Gateway, keys: Mapping[str, str], first: Sent) -> int:
    """Send a message again as Docusign does when it missed the answer; return the status."""
    body = first.body.replace(b'"retryCount":0', b'"retryCount":1')
    key = keys[first.chapter.envelope.account_id]
    return gateway.post(body, signature.docusign([key], body))


def forge(gateway: Gateway, genuine: Sent) -> int:
    """Send a message signed with a key that nobody has agreed on; return the status."""
    body = message(genuine.chapter.envelope, "envelope-voided", at=_now(), include=INCLUDE)
    return gateway.post(body, signature.docusign([new_key()], body))


def new_key() -> str:
    """Return a Connect key: text, to be used as it is (contract 4)."""
    return secrets.token_urlsafe(32) + "="


def _send(gateway: Gateway, chapter: story.Chapter, event: str, key: str) -> Sent:
    body = message(chapter.envelope, event, at=_now(), include=INCLUDE)
    status = gateway.post(body, signature.docusign([key], body))
    return Sent(chapter=chapter, event=event, body=body, status=status)


def _now() -> int:
    return int(time.time() * SECOND)
