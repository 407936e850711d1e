"""The envelopes that live here, as people see them, and what people do to them."""

from postroom.envelopes import lifecycle
from postroom.envelopes.envelope import Action, Envelope, Recipient, Step, Trace
from postroom.errors import InvalidInputError, NotFoundError
from postroom.model import Json, Noun, Registry
from postroom.operations import names
from postroom.operations.connect import living
from postroom.operations.connect.living import ConnectServer
from postroom.operations.notifications import folded
from postroom.operations.views import (
    Page,
    asked,
    check_limit,
    cursor,
    moment,
    moment_or_none,
)
from postroom.storage.port import EnvelopeQuery, KeptEnvelope, Store


class EnvelopeView(Noun, frozen=True, kw_only=True):
    """An envelope in a list."""

    id: str
    account_id: str
    status: str
    subject: str
    sender_id: str
    sender_email: str
    created_at: str
    changed_at: str
    """When its status last changed."""
    fields: dict[str, str]


class RecipientView(Noun, frozen=True, kw_only=True):
    """A recipient, and how far it has come."""

    id: str
    role: str
    name: str
    email: str
    routing_order: int
    status: str
    is_locked_out: bool
    reason: str | None
    """Why it declined, or what its mail system answered."""
    tabs: Json


class TraceView(Noun, frozen=True, kw_only=True):
    """One entry of the audit trail."""

    at: str
    action: str
    message: str
    status: str


class EnvelopeDetails(Noun, frozen=True, kw_only=True):
    """One envelope with its recipients and what happened to it."""

    envelope: EnvelopeView
    recipients: tuple[RecipientView, ...]
    trail: tuple[TraceView, ...]
    voided_reason: str | None
    purge_state: str
    purges_at: str | None
    """When its documents are purged, where that is queued."""
    is_locked: bool
    expires_at: str | None


class Acted(Noun, frozen=True, kw_only=True):
    """What an action did."""

    envelope: EnvelopeView
    events: tuple[str, ...]
    """What was told, in order; empty where the action changed nothing."""


async def list_envelopes(
    store: Store,
    *,
    account: str | None = None,
    statuses: tuple[str, ...] = (),
    field: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[EnvelopeView]:
    """List the envelopes of an account, those that changed last first.

    `field` is a custom field as Name=Value. Without `account` it is the only one there is.
    """
    registry = await store.registry()
    start = cursor(after) or 0
    query = EnvelopeQuery(
        account_id=_account_id(registry, account),
        statuses=tuple(folded(one, "status") or "" for one in statuses),
        field=_field(field),
        start=start,
        limit=check_limit(limit),
    )
    kept, total = await store.kept_envelopes(query)
    end = start + len(kept)
    return Page(
        items=tuple(_view(one) for one in kept),
        next_after=str(end) if kept and end < total else None,
    )


async def show_envelope(
    store: Store, envelope: str, *, account: str | None = None
) -> EnvelopeDetails:
    """Return one envelope. Raises `NotFoundError`."""
    kept = await _find(store, envelope, account)
    one = living.of_kept(kept).envelope
    return EnvelopeDetails(
        envelope=_view(kept),
        recipients=tuple(_recipient(each) for each in one.recipients),
        trail=tuple(_trace(each) for each in one.trail),
        voided_reason=one.voided_reason,
        purge_state=one.purge_state,
        purges_at=moment_or_none(one.purge_at),
        is_locked=one.is_locked,
        expires_at=moment_or_none(lifecycle.expires_at(one)),
    )


async def act_on_envelope(
    server: ConnectServer, envelope: str, action: Action, *, account: str | None = None
) -> Acted:
    """Do to an envelope what a person, or time, does; return what was told of it.

    Raises `NotFoundError`, and `DocusignError` where the action is not legal now.
    """
    found = await _find(server.store, envelope, account)
    events: tuple[str, ...] = ()

    def decide(one: Envelope, at: int) -> Step:
        nonlocal events
        step = lifecycle.act(one, action, at=at, limits=server.envelope_limits)
        events = tuple(each.event for each in step.happenings)
        return step

    after = await living.change(server, found.account_id, found.id, decide)
    return Acted(envelope=_view(living.kept_of(after)), events=events)


async def _find(store: Store, envelope: str, account: str | None) -> KeptEnvelope:
    envelope_id = folded(envelope, "envelope") or ""
    registry = await store.registry()
    chosen = [names.account(registry, account).id] if account is not None else registry.accounts
    for account_id in chosen:
        kept = await store.kept_envelope(account_id, envelope_id)
        if kept is not None:
            return kept
    raise NotFoundError(
        f"no envelope {envelope_id!r} lives here; `postroom envelopes` lists those of an account"
    )


def _account_id(registry: Registry, named: str | None) -> str:
    if named is not None:
        return names.account(registry, named).id
    if len(registry.accounts) != 1:
        raise InvalidInputError(
            "say whose envelopes: give the account, by id or name"
            if registry.accounts
            else "there is no account yet; `postroom apply connect.yaml` makes one"
        )
    return next(iter(registry.accounts))


def _field(text: str | None) -> tuple[str, str] | None:
    said = asked(text, "field")
    if said is None:
        return None
    name, is_there, value = said.partition("=")
    if not (name and is_there):
        raise InvalidInputError("field: write it as Name=Value")
    return name, value


def _view(kept: KeptEnvelope) -> EnvelopeView:
    return EnvelopeView(
        id=kept.id,
        account_id=kept.account_id,
        status=kept.status,
        subject=kept.subject,
        sender_id=kept.sender_id,
        sender_email=kept.sender_email,
        created_at=moment(kept.created_at),
        changed_at=moment(kept.status_changed_at),
        fields=dict(kept.fields),
    )


def _recipient(one: Recipient) -> RecipientView:
    return RecipientView(
        id=one.id,
        role=one.role,
        name=one.name,
        email=one.email,
        routing_order=one.routing_order,
        status=one.status,
        is_locked_out=one.is_locked_out,
        reason=one.declined_reason or one.autoresponded_reason,
        tabs=one.tabs,
    )


def _trace(one: Trace) -> TraceView:
    return TraceView(
        at=moment(one.at), action=one.action, message=one.message, status=one.envelope_status
    )
