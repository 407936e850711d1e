"""Whether a listener of the gateway is told exactly what its configuration was told: a proof."""

from collections.abc import Iterator

from postroom.model import Account, Listener, Noun
from postroom.operations.adopting.translation import OF_STATES, includes
from postroom.routing.proving.overlap import Apart, NotDecided, Overlap, Prover


class Proof(Noun, frozen=True, kw_only=True):
    """What was found out about one configuration and its listener."""

    is_same: bool
    """The same notifications at the same URL; proved, in both directions."""
    reasons: tuple[str, ...]
    """Why not, or why that is not decided."""


class Trio(Noun, frozen=True, kw_only=True):
    """Who wants what: before, afterwards, and what comes in between."""

    before: Listener
    """By the configuration as it is today."""
    after: Listener
    """Of connect.yaml."""
    feed: Listener
    """By the one configuration."""


def prove(account: Account, trio: Trio) -> Proof:
    """Compare all envelopes there could be, and what a message is made of.

    An answer that is not decided counts as a difference.
    """
    reasons = (*_of_notifications(Prover(account), trio), *_of_messages(trio))
    return Proof(is_same=not reasons, reasons=reasons)


def _of_notifications(prover: Prover, trio: Trio) -> Iterator[str]:
    asked = (
        (trio.before, trio.after, "reaches it today, and would not any more"),
        (trio.after, trio.before, "would reach it, and does not today"),
        (trio.before, trio.feed, "reaches it today, and would not reach the gateway"),
    )
    for one, other, sentence in asked:
        answer = prover.outside(one, other)
        if isinstance(answer, Overlap):
            yield f"{_shown(answer)} {sentence}"
        elif isinstance(answer, NotDecided):
            yield f"not decided: {answer.why}"
    # An empty set is outside of nothing: that would be a proof about a listener that wants none.
    if isinstance(possible := prover.possible(trio.before), Apart):
        yield f"no envelope can reach it: {possible.reason}"


def _shown(answer: Overlap) -> str:
    body = answer.witness.body
    return f"{body['event']} of an envelope that {body['data']['userId']} sent"


def _of_messages(trio: Trio) -> Iterator[str]:
    before, after, feed = trio.before, trio.after, trio.feed
    if after.url != before.url:
        yield "another URL"
    if after.format != before.format:
        yield f"format {after.format} in the place of {before.format}"
    if after.acknowledgement != before.acknowledgement:
        yield "acknowledgement is another"
    wanted = set(includes(before))
    if before.format != "xml" and set(after.include or ()) != wanted:
        yield "other includes"
    if lacking := wanted - set(includes(feed)):
        yield f"the one configuration does not include {', '.join(sorted(lacking))}"
    if before.format in OF_STATES and not {"custom_fields", "recipients"} <= set(includes(feed)):
        yield "the one configuration does not carry the envelope's state"
    if before.is_signed and not feed.is_signed:
        yield "the one configuration is not signed"
