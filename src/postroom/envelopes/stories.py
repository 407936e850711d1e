"""Stories: what people do to an envelope, or a template, one beat after the other. Pure.

A story says what happens, not to whom: `scenes` makes envelopes of it.
"""

from typing import Literal

from postroom import vocabulary
from postroom.envelopes.envelope import Action
from postroom.errors import InvalidInputError
from postroom.model import Noun

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Beat(Noun, frozen=True, kw_only=True):
    """Something done to the envelope, so long after the beat before it."""

    action: Action
    after_seconds: float = 0


class TemplateBeat(Noun, frozen=True, kw_only=True):
    """Something done to a template, so long after the beat before it."""

    verb: Literal["create", "change", "delete"]
    after_seconds: float = 0


class Ending(Noun, frozen=True, kw_only=True):
    """One way in which some of the envelopes of a story of many go."""

    weight: int
    """So many of the sum of all weights go this way, to the nearest whole number."""
    beats: tuple[Beat, ...]


class Story(Noun, frozen=True, kw_only=True):
    """What happens to an envelope, or to a template where it has `template_beats`."""

    name: str
    summary: str
    signers: int = 1
    are_parallel: bool = False
    """True: all signers have the same routing order."""
    is_draft: bool = False
    """True: the envelope is created and not sent; otherwise it is sent as it is created."""
    beats: tuple[Beat, ...] = ()
    endings: tuple[Ending, ...] = ()
    """For a story of many envelopes: how each of them goes, instead of `beats`."""
    template_beats: tuple[TemplateBeat, ...] = ()
    """For a story of a template, which no envelope is made from: instead of `beats`."""


def _beat(verb: str, recipient: str | None = None, after: float = 0, **more: str) -> Beat:
    action = Action(verb=verb, recipient_id=recipient, **more)  # type: ignore[arg-type]  # each is a Verb: a test plays them all
    return Beat(action=action, after_seconds=after)


def _signs(recipient: str = "1") -> tuple[Beat, ...]:
    return _beat("view", recipient, 5 * MINUTE), _beat("sign", recipient, 2 * MINUTE)


def _declines(recipient: str = "1", reason: str = "The terms have changed") -> tuple[Beat, ...]:
    return (
        _beat("view", recipient, 5 * MINUTE),
        _beat("decline", recipient, 2 * MINUTE, reason=reason),
    )


_BOUNCE = _beat("bounce", "1", 30, reason="550 5.1.1 The mailbox does not exist")
_VOID = _beat("void", after=HOUR, reason="No longer needed")
_NEW_ADDRESS = _beat("correct", "1", HOUR, email="corrected@example.com")
_OTHER = {"name": "Another signer", "email": "another.signer@example.com"}

_ALL = (
    Story(name="completed", summary="One signer opens and signs.", beats=_signs()),
    Story(name="declined", summary="One signer opens and declines.", beats=_declines()),
    Story(name="voided", summary="The sender voids it before anybody signs.", beats=(_VOID,)),
    Story(
        name="two-signers",
        summary="Two signers sign, one after the other.",
        signers=2,
        beats=_signs("1") + _signs("2"),
    ),
    Story(
        name="bounced-then-corrected",
        summary="The mail bounces, the sender corrects the address, the signer signs.",
        beats=(_BOUNCE, _NEW_ADDRESS, *_signs()),
    ),
    Story(
        name="bounced-then-voided",
        summary="The mail bounces, and the sender voids it.",
        beats=(_BOUNCE, _VOID),
    ),
    Story(
        name="authentication-failed",
        summary="A signer gives a wrong code until locked out, is corrected, and signs.",
        beats=(
            _beat("fail-authentication", "1", 3 * MINUTE),
            _beat("correct", "1", HOUR, name="Signer with a new code"),
            *_signs(),
        ),
    ),
    Story(
        name="auto-replied",
        summary="An automatic reply comes back; the signer signs later.",
        beats=(_beat("auto-reply", "1", 30, reason="Out of office until Monday"), *_signs()),
    ),
    Story(
        name="reassigned",
        summary="The signer hands it to somebody else, who signs.",
        beats=(
            _beat("view", "1", 5 * MINUTE),
            _beat("reassign", "1", MINUTE, reason="Not mine to sign", **_OTHER),
            *_signs("2"),
        ),
    ),
    Story(
        name="delegated",
        summary="A delegation rule sends it to a delegate, who signs.",
        beats=(_beat("delegate", "1", 1, **_OTHER), *_signs("2")),
    ),
    Story(
        name="finish-later",
        summary="The signer opens it, puts it off, and signs the next day.",
        beats=(
            _beat("view", "1", 5 * MINUTE),
            _beat("finish-later", "1", 2 * MINUTE),
            _beat("sign", "1", DAY),
        ),
    ),
    Story(
        name="expired",
        summary="Nobody signs until it expires after 120 days.",
        # A minute early: at the very moment the server's own watch over time does it, unasked.
        beats=(_beat("expire", after=120 * DAY - MINUTE),),
    ),
    Story(
        name="resent",
        summary="The sender sends it again, and the signer signs.",
        beats=(_beat("resend", after=DAY), *_signs()),
    ),
    Story(
        name="purged",
        summary="It is completed, and its documents are purged.",
        # A minute early, as with `expired`.
        beats=(
            *_signs(),
            _beat("purge", after=DAY),
            _beat("complete-purge", after=14 * DAY - MINUTE),
        ),
    ),
    Story(
        name="deleted",
        summary="It is completed, and the sender deletes it.",
        beats=(*_signs(), _beat("delete", after=DAY)),
    ),
    Story(
        name="discarded",
        summary="A draft is discarded.",
        is_draft=True,
        beats=(_beat("discard", after=5 * MINUTE),),
    ),
    Story(
        name="signed-by-the-first-declined-by-the-second",
        summary="The first signer signs, the second declines.",
        signers=2,
        beats=_signs("1") + _declines("2", "The price is wrong"),
    ),
    Story(
        name="bulk",
        summary="One signer each: of 5,000 envelopes 4,900 complete, 60 decline, 40 bounce.",
        endings=(
            Ending(weight=4_900, beats=(_beat("view", "1"), _beat("sign", "1"))),
            Ending(
                weight=60,
                beats=(
                    _beat("view", "1"),
                    _beat("decline", "1", reason="The terms have changed"),
                ),
            ),
            Ending(weight=40, beats=(_beat("bounce", "1", reason="The mailbox is full"),)),
        ),
    ),
)
STORIES: dict[str, Story] = {story.name: story for story in _ALL}
"""Every story by its name."""


def _short(event: str, *beats: Beat, signers: int = 1, is_draft: bool = False) -> Story:
    return Story(
        name=event,
        summary=f"The shortest way to {event}.",
        signers=signers,
        are_parallel=signers > 1,
        is_draft=is_draft,
        beats=beats,
    )


def _of_template(event: str, *beats: TemplateBeat) -> Story:
    created = TemplateBeat(verb="create")
    return Story(
        name=event, summary=f"The shortest way to {event}.", template_beats=(created, *beats)
    )


_VIEW, _SIGN = _beat("view", "1", MINUTE), _beat("sign", "1", MINUTE)
_DECLINE = _beat("decline", "1", MINUTE, reason="The terms have changed")
# A second signer beside the first keeps what the first does from being the envelope's own event.
_BY_EVENT = {
    story.name: story
    for story in (
        _short("envelope-created", is_draft=True),
        _short("envelope-sent"),
        _short("envelope-delivered", _VIEW),
        _short("envelope-completed", _VIEW, _SIGN),
        _short("envelope-declined", _VIEW, _DECLINE),
        _short("envelope-voided", _VOID),
        _short("envelope-resent", _beat("resend", after=MINUTE)),
        _short(
            "envelope-corrected",
            _beat("lock", after=MINUTE),
            _beat("correct", "1", MINUTE, email="corrected@example.com"),
            _beat("unlock", after=MINUTE),
        ),
        _short("envelope-purge", _VIEW, _SIGN, _beat("purge", after=MINUTE)),
        _short("envelope-deleted", _VIEW, _SIGN, _beat("delete", after=MINUTE)),
        _short("envelope-discard", _beat("discard", after=MINUTE), is_draft=True),
        _short(
            "envelope-removed",
            _VIEW,
            _SIGN,
            _beat("delete", after=MINUTE),
            _beat("remove", after=MINUTE),
        ),
        _short("envelope-reminder-sent", _beat("remind", after=DAY)),
        _short("recipient-sent"),
        _short("recipient-delivered", _VIEW, signers=2),
        _short("recipient-completed", _VIEW, _SIGN, signers=2),
        _short("recipient-declined", _VIEW, _DECLINE),
        _short("recipient-authenticationfailed", _beat("fail-authentication", "1", MINUTE)),
        _short("recipient-autoresponded", _BOUNCE),
        _short("recipient-resent", _beat("resend", "1", MINUTE)),
        _short("recipient-delegate", _beat("delegate", "1", MINUTE, **_OTHER)),
        _short("recipient-reassign", _beat("reassign", "1", MINUTE, **_OTHER)),
        _short("recipient-finish-later", _VIEW, _beat("finish-later", "1", MINUTE)),
        _of_template("template-created"),
        _of_template("template-modified", TemplateBeat(verb="change", after_seconds=MINUTE)),
        _of_template("template-deleted", TemplateBeat(verb="delete", after_seconds=MINUTE)),
    )
}


def events() -> tuple[str, ...]:
    """Return the events that a story can end with, sorted."""
    return tuple(sorted(_BY_EVENT))


def story_for_event(event: str) -> Story:
    """Return the shortest story that ends with an event, which may be spelt in any known way.

    Raises `InvalidInputError` for an event that no life of an envelope or a template causes, with
    those that one does.
    """
    name = vocabulary.canonical(event) or event
    found = _BY_EVENT.get(name)
    if found is not None:
        return found
    meant = vocabulary.suggest(event)
    hint = f"did you mean {meant}? " if meant in _BY_EVENT else ""
    what = (
        "is no event of an envelope's or a template's life"
        if name in vocabulary.EVENTS
        else "is no event"
    )
    raise InvalidInputError(f"{name[:100]!r} {what}; {hint}there are {', '.join(events())}")


def story_named(name: str) -> Story:
    """Return a story. Raises `InvalidInputError`, naming all there are."""
    found = STORIES.get(name.strip().lower())
    if found is None:
        raise InvalidInputError(f"there is no story {name[:100]!r}; there are {', '.join(STORIES)}")
    return found


def beats_of(story: Story, count: int) -> tuple[tuple[int, tuple[Beat, ...]], ...]:
    """Return how many of `count` envelopes have which beats; the numbers add up to `count`.

    Exact shares are rounded by the largest remainder, so that 5,000 and 50 have the same mix.
    """
    if not story.endings:
        return ((count, story.beats),)
    whole = sum(one.weight for one in story.endings)
    shares = [divmod(count * one.weight, whole) for one in story.endings]
    left = count - sum(share for share, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda n: (-shares[n][1], n))
    more = set(by_remainder[:left])
    return tuple(
        (share + (number in more), ending.beats)
        for number, ((share, _), ending) in enumerate(zip(shares, story.endings, strict=True))
    )
