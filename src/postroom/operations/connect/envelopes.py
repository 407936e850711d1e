"""Envelopes by Docusign's verbs: create, list, look, change, send, void, resend, purge."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from postroom import observe
from postroom.delivery import wanted
from postroom.envelopes import definition, lifecycle, rest_view
from postroom.envelopes.envelope import Action, Envelope, Happening, Sender, Step
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
from postroom.operations.connect.requests import keys_of, text_of
from postroom.storage.port import AuditEntry, EnvelopeQuery, PutListener

SENT = "sent"


async def create_envelope(
    server: ConnectServer, account_id: str, body: Json, *, sender: Sender, is_admin: bool
) -> Json:
    """Create an envelope as a draft, or send it; return what the REST API answers."""
    made = await create(server, account_id, body, sender=sender, is_admin=is_admin)
    return rest_view.created_view(made.envelope)


async def create(
    server: ConnectServer, account_id: str, body: Json, *, sender: Sender, is_admin: bool
) -> Living:
    """Create an envelope from an `envelopeDefinition`, with its documents and listeners.

    Only an administrator's `eventNotification` may ask for the account's OAuth token: whoever
    chooses the URL gets it.
    """
    account = account_of(server, account_id)
    draft = definition.read_definition(
        _filled_in(body) if server.fills_in else body,
        account=account,
        sender=sender,
        envelope_id=server.new_guid(),
        now=server.clock.now(),
        new_guid=server.new_guid,
        templates=await templates.named_in(server, account_id, body),
        limits=server.envelope_limits,
    )
    is_sent = draft.envelope.status == SENT
    envelope = replace(draft.envelope, status="created")
    lifecycle.begun(envelope, at=envelope.created_at, is_sent=is_sent)  # or it raises: no listener
    names = await attach(server, account, draft.event_notifications, is_admin=is_admin)
    for warning in draft.warnings:
        observe.log.warning("an envelope definition", account=account_id, warning=warning)
    envelope = replace(envelope, attached=names)
    living = await step(
        server,
        Living(envelope=envelope, revision=0),
        lambda one, at: lifecycle.begun(one, at=at, is_sent=is_sent),
        documents=draft.documents,
    )
    if living is None:
        raise DocusignError("ENVELOPE_ALREADY_EXISTS", "An envelope of this id exists already.")
    return living


def _filled_in(body: Json) -> Json:
    """Give what shall be sent at once a subject, a document and a signer where it has none.

    The service refuses it; offline, an example without them, such as the article's, does what it
    is about.
    """
    said = keys_of(body)
    has_templates = any(key in said for key in ("templateid", "compositetemplates"))
    if has_templates or text_of(said, "status").lower() != SENT:
        return body
    missing: dict[str, Json] = {}
    if not said.get("emailsubject"):
        missing["emailSubject"] = "Please sign"
    if not said.get("documents"):
        page = {"documentId": "1", "name": "Example.txt", "fileExtension": "txt"}
        missing["documents"] = [{**page, "documentBase64": "QW4gZXhhbXBsZS4="}]
    if not said.get("recipients"):
        signer = {"recipientId": "1", "routingOrder": "1", "email": "signer@example.com"}
        missing["recipients"] = {"signers": [{**signer, "name": "Example Signer"}]}
    if missing:
        observe.log.warning("an envelope definition was filled in", given=sorted(missing))
    filled = {key.lower() for key in missing}
    kept = {key: value for key, value in body.items() if key.lower() not in filled}
    return {**kept, **missing}


async def attach(
    server: ConnectServer, account: Account, said: Sequence[Json], *, is_admin: bool
) -> tuple[str, ...]:
    """Make the listeners that `eventNotification`s stand for; return their names.

    Equal ones share a listener. Raises `DocusignError`, also where the account has as many
    different ones as it may have.
    """
    if not said:
        return ()
    names: list[str] = []
    missing: list[Listener] = []
    known = {
        one.name
        for one in server.registry().listeners.values()
        if one.account_id == account.id and one.scope == "envelope"
    }
    for one in said:
        listener, warnings = event_notification.listener_of(
            one,
            account,
            allow_http_loopback=server.allow_http_loopback,
            allow_private_addresses=server.allow_private_addresses,
            limits=server.limits,
        )
        for warning in warnings:
            observe.log.warning("an eventNotification", account=account.id, warning=warning)
        if wanted.oauth(listener) and not is_admin:
            raise DocusignError(
                "USER_LACKS_PERMISSIONS",
                "includeOAuth in an eventNotification takes an administrator of the account.",
                status=403,
            )
        names.append(listener.name)
        if listener.name not in known:
            missing.append(listener)
    if len(known) + len(missing) > server.limits.max_event_notifications:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER",
            f"The account has {len(known)} different eventNotifications, as many as it may have:"
            " use one URL for many envelopes, or remove listeners that are not needed.",
        )
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
    uri_at: Callable[[int], str],
) -> Json:
    """Return a page of envelopes; `uri_at(start)` is another page's address."""
    account_of(server, account_id)
    kept, total = await server.store.kept_envelopes(query)
    return rest_view.page(
        [rest_view.list_view(of_kept(one).envelope, include) for one in kept],
        start=query.start,
        total=total,
        count=query.limit,
        uri=uri_at,
    )


async def update_envelope(
    server: ConnectServer,
    account_id: str,
    envelope_id: str,
    body: Json,
    *,
    is_resending: bool = False,
) -> Json:
    """Change an envelope: send a draft, void, purge, resend, or say other things of it."""
    actions = _asked(body)
    if is_resending:
        actions.append(Action(verb="resend"))

    def decide(envelope: Envelope, at: int) -> Step:
        changed = definition.read_update(body, envelope, at=at, limits=server.envelope_limits)
        told: tuple[Happening, ...] = ()
        for action in actions:
            if action.verb == "delete" and changed.status == "created":
                action = Action(verb="discard")  # noqa: PLW2901  # a draft's own word for it
            taken = lifecycle.act(changed, action, at=at, limits=server.envelope_limits)
            changed, told = taken.envelope, told + taken.happenings
        return Step(envelope=changed, happenings=told)

    living = await change(server, account_id, envelope_id, decide)
    return {"envelopeId": living.envelope.id}


def _asked(body: Json) -> list[Action]:
    """Return the actions that an update of an envelope stands for."""
    said = keys_of(body)
    asked: list[Action] = []
    status = text_of(said, "status").lower()
    if status == "voided":
        reason = text_of(said, "voidedReason")
        if not reason:
            raise DocusignError(
                "INVALID_REQUEST_PARAMETER", "Give the reason as voidedReason to void an envelope."
            )
        asked.append(Action(verb="void", reason=reason))
    elif status == SENT:
        asked.append(Action(verb="send"))
    elif status == "deleted":
        asked.append(Action(verb="delete"))
    elif status not in {"", "created"}:
        raise DocusignError(
            "ENVELOPE_INVALID_STATUS", "status can be changed to sent, voided or deleted."
        )
    if purge_state := text_of(said, "purgeState").lower():
        asked.append(Action(verb="purge", purge_state=purge_state))
    return asked
