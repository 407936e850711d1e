"""Envelopes by Docusign's verbs: create, list, look, change, send, void, resend, purge."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from postroom import observe
from postroom.clock import SECOND
from postroom.envelopes import definition, lifecycle, rest_view
from postroom.envelopes.envelope import Action, Envelope, Sender, Step
from postroom.errors import DocusignError
from postroom.model import Account, Json, Listener
from postroom.operations.connect import event_notification, templates
from postroom.operations.connect.living import (
    ConnectServer,
    Living,
    change,
    of_kept,
    read,
    step,
)
from postroom.operations.connect.requests import keys_of, text_of, truth_of
from postroom.storage.port import AuditEntry, EnvelopeQuery, PutListener

VOIDED, SENT = "voided", "sent"


async def create_envelope(
    server: ConnectServer, account_id: str, body: Json, *, sender: Sender
) -> Json:
    """Create an envelope as a draft, or send it; return what the REST API answers."""
    made = await create(server, account_id, body, sender=sender)
    return rest_view.created_view(made.envelope)


async def create(server: ConnectServer, account_id: str, body: Json, *, sender: Sender) -> Living:
    """Create an envelope from an `envelopeDefinition`, with its documents and listeners."""
    account = account_of(server, account_id)
    draft = definition.read_definition(
        body,
        account=account,
        sender=sender,
        envelope_id=server.new_guid(),
        now=server.clock.now(),
        new_guid=server.new_guid,
        templates=await templates.named_in(server, account_id, body),
        limits=server.limits,
    )
    names = await attach(server, account, draft.event_notifications)
    for warning in draft.warnings:
        observe.log.warning("an envelope definition", account=account_id, warning=warning)
    envelope = replace(draft.envelope, attached=names)
    is_sent = envelope.status == SENT
    envelope = replace(envelope, status="created")
    living = await step(
        server,
        Living(envelope=envelope, revision=0),
        lambda one, at: _begun(one, at, is_sent=is_sent),
        documents=draft.documents,
    )
    if living is None:
        raise DocusignError("ENVELOPE_ALREADY_EXISTS", "An envelope of this id exists already.")
    return living


def _begun(envelope: Envelope, at: int, *, is_sent: bool) -> Step:
    """Return a new envelope created and, where it shall be, sent in the same step."""
    created = lifecycle.created(envelope)
    if not is_sent:
        return created
    sent = lifecycle.act(created.envelope, Action(verb="send"), at=at)
    return Step(envelope=sent.envelope, happenings=created.happenings + sent.happenings)


async def attach(server: ConnectServer, account: Account, said: Sequence[Json]) -> tuple[str, ...]:
    """Make the listeners that `eventNotification`s stand for; return their names."""
    names: list[str] = []
    missing: list[Listener] = []
    known = (
        {one.name for one in server.registry().listeners.values() if one.account_id == account.id}
        if said
        else set()
    )
    for one in said:
        listener, warnings = event_notification.listener_of(
            one, account, allow_http_loopback=server.allow_http_loopback
        )
        for warning in warnings:
            observe.log.warning("an eventNotification", account=account.id, warning=warning)
        names.append(listener.name)
        if listener.name not in known:
            missing.append(listener)
    if missing:
        await server.store.change(
            [PutListener(listener=one) for one in missing],
            AuditEntry(
                at=server.clock.now(),
                actor="postroom",
                verb="attach-event-notification",
                details={"account": account.id, "listeners": [one.name for one in missing]},
            ),
        )
        await server.refresh()
    return tuple(dict.fromkeys(names))


def account_of(server: ConnectServer, account_id: str) -> Account:
    """Return an account. Raises `DocusignError` for one that is not here."""
    account = server.registry().accounts.get(account_id.lower())
    if account is None:
        raise DocusignError(
            "ACCOUNT_DOES_NOT_EXIST",
            "There is no such account here; add it to connect.yaml, or list the accounts.",
            status=404,
        )
    return account


async def show_envelope(
    server: ConnectServer, account_id: str, envelope_id: str, *, include: frozenset[str]
) -> Json:
    """Return one envelope with what `include` names of it."""
    living = await read(server, account_id, envelope_id)
    return rest_view.envelope_view(living.envelope, include=include)


async def list_envelopes(
    server: ConnectServer,
    account_id: str,
    query: EnvelopeQuery,
    *,
    include: frozenset[str],
    uri: Callable[[int], str],
) -> Json:
    """Return a page of envelopes; `uri(start)` is the address of another page."""
    account_of(server, account_id)
    kept, total = await server.store.kept_envelopes(query)
    views = [rest_view.list_view(of_kept(one).envelope, include=include) for one in kept]
    return rest_view.page(views, start=query.start, total=total, count=query.limit, uri=uri)


async def update_envelope(
    server: ConnectServer,
    account_id: str,
    envelope_id: str,
    body: Json,
    *,
    is_resending: bool = False,
) -> Json:
    """Change an envelope: send a draft, void, purge, resend, or say other things of it."""
    said = keys_of(body)
    status = text_of(said, "status").lower()
    purge_state = text_of(said, "purgestate").lower()
    done: list[Action] = []
    if status == VOIDED:
        reason = text_of(said, "voidedreason")
        if not reason:
            raise DocusignError(
                "INVALID_REQUEST_PARAMETER", "Give the reason as voidedReason to void an envelope."
            )
        done.append(Action(verb="void", reason=reason))
    elif status == SENT:
        done.append(Action(verb="send"))
    elif status == "deleted":
        done.append(Action(verb="delete"))
    elif status not in {"", "created"}:
        raise DocusignError(
            "ENVELOPE_INVALID_STATUS", "status can be changed to sent or voided, to nothing else."
        )
    if purge_state:
        done.append(Action(verb="purge", purge_state=purge_state))
    if is_resending:
        done.append(Action(verb="resend"))

    def decide(envelope: Envelope, at: int) -> Step:
        told: tuple[lifecycle.Happening, ...] = ()
        changed = definition.updated(envelope, body, now=at, limits=server.limits)
        for action in done:
            taken = lifecycle.act(changed, action, at=at)
            changed, told = taken.envelope, told + taken.happenings
        return Step(envelope=changed, happenings=told)

    living = await change(server, account_id, envelope_id, decide)
    if purge_state:
        await forget_documents(server, living.envelope)
    return {"envelopeId": living.envelope.id}
