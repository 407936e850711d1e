"""Export: the system as the document of `connect.yaml`, so that applying it changes nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from postroom.model import Account, Json, Lane, Listener, Noun, Registry
from postroom.operations import beside, drafts, names
from postroom.operations.document import (
    InvalidDocumentError,
    LanePart,
    ListenerPart,
    Part,
    plain,
    read,
    written,
)
from postroom.operations.variables import Variable, Variables
from postroom.storage.port import SealedSecret, Store

MOST_REMARKS = 100
_ELSEWHERE = {"name", "account", "url", "events", "users", "filter", "keys"}
"""Keys of a listener that stand in the document otherwise than the listener has them."""


class Exported(Noun, frozen=True, kw_only=True):
    """A document, and what it does not say."""

    revision: int
    """Of the registry: what it shows is from then."""
    document: dict[str, Json]
    """As `connect.yaml` has it; secrets stand there as `{env: NAME}`."""
    variables: tuple[Variable, ...]
    """The variables it names, each with the fingerprint of the secret to put there."""
    left_out: tuple[str, ...]
    """What is not in it, since `apply` does not make it: Connect configurations."""
    warnings: tuple[str, ...]
    """Why applying it would be refused, or would change something after all; mostly none."""


async def export(store: Store, *, account: str | None = None, now: int) -> Exported:
    """Return the document of all accounts, or of one by id or name, as they stand.

    What Docusign's paths have made (Connect configurations, `eventNotification`s) is not in it:
    `apply` leaves that alone as well. Raises `NotFoundError`.
    """
    registry = await store.registry()
    only = names.account_id(registry, account)
    secrets = [
        one
        for one in await store.secrets()
        if only in {None, one.account_id} and (one.retired_at is None or one.retired_at > now)
    ]
    # Thousands of listeners take a while, and others want to be served meanwhile.
    return await beside.reckon(_exported, registry, only, secrets)


def _exported(registry: Registry, only: str | None, secrets: Sequence[SealedSecret]) -> Exported:
    shown = registry if only is None else _of_account(registry, only)
    variables = Variables(shown, secrets)
    document = _document(shown, variables)
    return Exported(
        revision=registry.revision,
        document=document,
        variables=variables.named,
        left_out=tuple(_left_out(shown)),
        warnings=tuple(_warnings(document, registry))[:MOST_REMARKS],
    )


def as_document(registry: Registry, secrets: Sequence[SealedSecret] = ()) -> dict[str, Json]:
    """Return what a registry says as the document of `connect.yaml`, in an order of its own.

    Only what differs from the defaults stands there. Keys are those of `secrets`, as `{env: NAME}`;
    without them the document has none. Connect configurations made on Docusign's paths are left
    out, as `apply` does not make them.
    """
    return _document(registry, Variables(registry, secrets))


def _document(registry: Registry, variables: Variables) -> dict[str, Json]:
    accounts = ordered(registry)
    places = {one.id: number for number, one in enumerate(accounts)}
    listeners = sorted(
        (one for one in registry.listeners.values() if one.configuration is None),
        key=lambda one: (places.get(one.account_id, len(places)), one.name),
    )
    lanes = sorted(
        registry.lanes.values(),
        key=lambda one: (places.get(one.account_id, len(places)), one.name),
    )
    return _said(
        accounts=[_account(one, variables) for one in accounts],
        lanes=[_lane(one) for one in lanes],
        listeners=[_listener(one, variables) for one in listeners],
    )


def ordered(registry: Registry) -> list[Account]:
    """Return accounts by name, main accounts before their sub-accounts."""

    def place(account: Account) -> tuple[tuple[str, str], ...]:
        steps, seen = [(account.name, account.id)], {account.id}
        above = registry.accounts.get(account.parent_id or "")
        while above is not None and above.id not in seen:
            steps.insert(0, (above.name, above.id))
            seen.add(above.id)
            above = registry.accounts.get(above.parent_id or "")
        return tuple(steps)

    return sorted(registry.accounts.values(), key=place)


def _account(account: Account, variables: Variables) -> dict[str, Json]:
    return _said(
        id=account.id,
        name=account.name,
        parent=account.parent_id,
        keys=variables.keys(account.id, None),
        unsigned=account.is_unsigned,
        environment_field=account.environment_field,
        enrichment=_enrichment(account, variables),
        users=[_said(id=one.id, email=one.email, groups=list(one.groups)) for one in account.users],
    )


def _enrichment(account: Account, variables: Variables) -> Json:
    said = account.enrichment
    if said is None:
        return None
    secret = variables.of_enrichment(account)
    if said.integration_key is None:
        return {"base_url": said.base_url, "token": secret}
    jwt = {
        "integration_key": said.integration_key,
        "user_id": said.user_id,
        "private_key": secret,
        "oauth_base": said.oauth_base,
    }
    return {"base_url": said.base_url, "jwt": jwt}


def _lane(lane: Lane) -> dict[str, Json]:
    own = _unusual(LanePart, lane, {"name", "account"})
    return {"name": lane.name, "account": lane.account_id} | own


def _listener(listener: Listener, variables: Variables) -> dict[str, Json]:
    said = listener.users
    users = {said.kind: [*said.emails, *said.ids, *said.groups]} if said else None
    own = _said(
        name=listener.name,
        account=listener.account_id,
        url=listener.url,
        events=list(listener.events),
        users=users,
        filter=listener.filter,
        keys=variables.keys(listener.account_id, listener.name),
    )
    return own | _unusual(ListenerPart, listener, _ELSEWHERE)


def _unusual(part: type[Part], noun: Lane | Listener, elsewhere: set[str]) -> dict[str, Json]:
    """Return the fields that stand in the document as they are kept, where not the default."""
    found: dict[str, Json] = {}
    for name, field in part.model_fields.items():
        if name not in elsewhere and (value := getattr(noun, name)) != field.default:
            found[name] = _number(plain(value))
    return found


def _number(value: Json) -> Json:
    """Return 30.0 as 30, as people write it, also in lists."""
    if isinstance(value, list | tuple):
        return [_number(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _said(**parts: Any) -> dict[str, Json]:
    """Leave out what is not there."""
    return {key: value for key, value in parts.items() if value not in (None, "", [], False)}


# --- one account, and what is not said --------------------------------------------------------


def _of_account(registry: Registry, account_id: str) -> Registry:
    return replace(
        registry,
        accounts={account_id: registry.accounts[account_id]},
        listeners={
            key: one for key, one in registry.listeners.items() if one.account_id == account_id
        },
        lanes={key: one for key, one in registry.lanes.items() if one.account_id == account_id},
    )


def _left_out(registry: Registry) -> Iterator[str]:
    for account in ordered(registry):
        made = [
            one
            for one in registry.listeners.values()
            if one.account_id == account.id and one.configuration is not None
        ]
        standing = sorted(one.name for one in made if one.scope == "account")
        if standing:
            count = f"{len(standing)} Connect configuration{'s' if len(standing) > 1 else ''}"
            yield (
                f"{count} of account {account.name or account.id}, made on Docusign's paths:"
                f" {', '.join(standing)}"
            )
        if len(made) > len(standing):
            yield (
                f"{len(made) - len(standing)} eventNotifications of envelopes of account"
                f" {account.name or account.id}"
            )


def _warnings(document: Json, registry: Registry) -> Iterator[str]:
    """Yield what applying the document to this very registry would be refused for, or change."""
    try:
        shape = read(_with_stand_ins(document))
        drafted = drafts.draft(shape, registry, allow_private=True)
    except InvalidDocumentError as refused:
        for one in refused.problems:
            # What a stand-in is, is not what the secret is.
            if one.path[-2:] != ("private_key", "text"):
                yield f"apply would refuse {written(one.path)}: {one.message}"
        return
    yield from _changes(drafted, registry)


def _changes(drafted: drafts.Drafts, registry: Registry) -> Iterator[str]:
    listeners = {(one.account_id, one.name): one for one in registry.listeners.values()}
    for account in drafted.accounts:
        if account != registry.accounts[account.id]:
            yield f"apply would change account {account.name or account.id}"
    for listener in drafted.listeners:
        before = listeners[listener.account_id, listener.name]
        if replace(listener, id=before.id) != before:
            yield f"apply would change listener {listener.name}"
    for lane in drafted.lanes:
        if lane != registry.lanes[lane.account_id, lane.name]:
            yield f"apply would change lane {lane.name}"


def _with_stand_ins(value: Json) -> Json:
    """Return a document in which every secret that is named only is there as some text."""
    if isinstance(value, list):
        return [_with_stand_ins(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"env"}:
        return {"text": "stand-in"}
    return {key: one if key == "filter" else _with_stand_ins(one) for key, one in value.items()}
