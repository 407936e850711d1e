"""Why a listener gets a notification, or why not: a recomputation, never a log.

Give it the registry of the revision that was in force (design: promise 5) and the notification
as kept: the answer is the one that was acted on.
"""

from collections.abc import Iterator

from postroom.model import (
    Finding,
    Listener,
    Match,
    Notification,
    Noun,
    OwedState,
    Registry,
    Truth,
)
from postroom.routing import truth
from postroom.routing.content import Content
from postroom.routing.match import Router
from postroom.routing.near_miss import near_miss
from postroom.routing.users import Directory
from postroom.routing.wants import Wants


class Explanation(Noun, frozen=True, kw_only=True):
    """What each condition of a listener said about a notification, and what came of it."""

    listener: str
    truth: Truth
    findings: tuple[Finding, ...]
    """In the order account, standing, event, users, filter; nothing after the first no.

    Standing is there for configurations only: whether it is active, and of this envelope.
    """
    match: Match | None = None
    """What the listener is owed; None where nothing."""
    outcome: str
    """The whole in one sentence."""
    near_miss: str | None = None


def explain(registry: Registry, listener: Listener, notification: Notification) -> Explanation:
    """Return why a listener of `registry` gets a notification, or the first condition against."""
    content = Content(notification)
    findings = [_by_account(listener, notification)]
    nearly = None
    account = registry.accounts.get(listener.account_id)
    if findings[0].truth is Truth.YES and account is not None:
        wants = Wants(listener, Directory(account))
        findings += _up_to_a_no(wants, notification, content)
        is_standing = all(one.truth is Truth.YES for one in wants.by_standing(notification))
        nearly = near_miss(wants, notification, content) if is_standing else None
    decided = truth.conjunction(finding.truth for finding in findings)
    match = None if decided is Truth.NO else outcome_in_lane(registry, listener, notification)
    return Explanation(
        listener=listener.name,
        truth=decided,
        findings=tuple(findings),
        match=match,
        outcome=_outcome(registry, listener, notification, findings[-1], decided, match),
        near_miss=nearly.sentence if nearly else None,
    )


def outcome_in_lane(
    registry: Registry, listener: Listener, notification: Notification
) -> Match | None:
    """Return what a listener is owed once its lane had its say; None if it has to yield."""
    routing = Router(_with_rivals(registry, listener)).match(notification)
    return next((match for match in routing.matches if match.listener_id == listener.id), None)


def _with_rivals(registry: Registry, listener: Listener) -> Registry:
    """Return the registry without the listeners that cannot bear on this one."""
    listeners = {
        other.id: other
        for other in registry.listeners.values()
        if listener.lane
        and (other.account_id, other.lane) == (listener.account_id, listener.lane)
        and other.mode == "live"
    }
    account = registry.accounts.get(listener.account_id)
    return Registry(
        revision=registry.revision,
        accounts={account.id: account} if account else {},
        listeners={**listeners, listener.id: listener},
        lanes=registry.lanes,
    )


def _by_account(listener: Listener, notification: Notification) -> Finding:
    if not notification.is_readable:
        return Finding(
            truth=Truth.NO,
            condition="the message can be read",
            hint=notification.flaw or "it was kept raw",
        )
    is_ours = listener.account_id == notification.account_id
    return Finding(
        truth=Truth.YES if is_ours else Truth.NO,
        condition=f"account is {listener.account_id}",
        seen=notification.account_id,
    )


def _up_to_a_no(wants: Wants, notification: Notification, content: Content) -> Iterator[Finding]:
    for finding in _each(wants, notification, content):
        yield finding
        if finding.truth is Truth.NO:
            return


def _each(wants: Wants, notification: Notification, content: Content) -> Iterator[Finding]:
    yield from wants.by_standing(notification)
    yield wants.by_event(notification)
    yield wants.by_sender(content)
    yield wants.by_content(content)


def _outcome(
    registry: Registry,
    listener: Listener,
    notification: Notification,
    last: Finding,
    decided: Truth,
    match: Match | None,
) -> str:
    if decided is Truth.NO:
        return f"not wanted, as this does not hold: {last.condition}"
    if match is None:
        return f"wanted, but yielded to {_winner(registry, listener, notification)}"
    if match.state is OwedState.DUE:
        return "matched"
    if match.state is OwedState.CROSSED:
        return f"matched, but {match.reason}"
    if match.state is OwedState.SHADOWED:
        held = f"would be held (shadow): {match.reason}"
        return held if match.reason else "would be delivered (shadow)"
    return f"held: {match.reason}"


def _winner(registry: Registry, listener: Listener, notification: Notification) -> str:
    routing = Router(_with_rivals(registry, listener)).match(notification)
    names = [registry.listeners[match.listener_id].name for match in routing.matches]
    return f"{', '.join(names[:3])} in lane {listener.lane}"
