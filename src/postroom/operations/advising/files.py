"""What advice comes to: the document of connect.yaml, and the JSON that Docusign itself takes."""

from collections.abc import Iterator, Mapping

from postroom import vocabulary
from postroom.model import Account, Json, Listener, Noun, Registry, User
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.document import ListenerPart, plain
from postroom.routing.advising.advice import Placed
from postroom.routing.advising.facts import Facts, Integration
from postroom.routing.advising.steps import Step

INCLUDE = ["custom_fields", "recipients"]


class Files(Noun, frozen=True, kw_only=True):
    """What is to be written, as JSON values."""

    connect: dict[str, Json]
    """The document of connect.yaml; keys stand there by the names of their variables."""
    configurations: dict[str, Json]
    """`{"configurations": [...]}`, each as `POST /accounts/{id}/connect` takes it."""
    event_notifications: dict[str, Json]
    """Each integration's `eventNotification`, by its name."""
    left_out: tuple[str, ...]
    """What could not be written, and what is missing for it."""


def write(placed: Placed, facts: Facts, key_envs: Mapping[str, str], registry: Registry) -> Files:
    """Return the files that make the advice so.

    What listeners of these names say already beside advice (format, retry and so on) is kept.
    An account without a name in `key_envs` is there already, and left as it is.
    """
    configurations: list[Json] = []
    left_out: list[str] = []
    told = {one.name: one for one in facts.integrations}
    for listener in placed.listeners:
        lacking = list(_without_id(listener, facts.account(told[listener.name])))
        if lacking:
            left_out.append(
                f"no Docusign configuration for {listener.name}: give the id of {lacking[0]} among"
                " the account's users"
            )
        else:
            configurations.append(_configuration(listener, facts.account(told[listener.name])))
    most = ConnectLimits().max_configurations
    left_out += [
        f"account {one.name or one.id} may have {most} configurations at Docusign, and these are"
        " more: only Postroom serves them all"
        for one in facts.accounts
        if sum(listener.account_id == one.id for listener in placed.listeners) > most
    ]
    left_out += [
        f"connect.yaml does not repeat the enrichment of account {one.name or one.id}; add it"
        for one in facts.accounts
        if one.id in key_envs and (there := registry.accounts.get(one.id)) and there.enrichment
    ]
    return Files(
        connect=_connect(placed, facts, key_envs, registry),
        configurations={"configurations": configurations},
        event_notifications={
            place.one.name: _event_notification(place.one)
            for place in placed.places
            if place.step is Step.ENVELOPE
        },
        left_out=tuple(left_out),
    )


# connect.yaml


def _connect(
    placed: Placed, facts: Facts, key_envs: Mapping[str, str], registry: Registry
) -> dict[str, Json]:
    there = {(one.account_id, one.name): one for one in registry.listeners.values()}
    return _given(
        accounts=[_account(one, key_envs[one.id]) for one in facts.accounts if one.id in key_envs],
        listeners=[
            _listener(one, facts) | _kept(there.get((one.account_id, one.name)))
            for one in placed.listeners
        ],
    )


def _kept(before: Listener | None) -> dict[str, Json]:
    """Return what a listener says already of how it is sent to, where that is not the usual."""
    if before is None:
        return {}
    said = {name: plain(getattr(before, name)) for name in _OF_SENDING}
    usual = {name: plain(ListenerPart.model_fields[name].default) for name in _OF_SENDING}
    return {name: value for name, value in said.items() if value != usual[name]}


_OF_SENDING = (
    "mode",
    "format",
    "include",
    "mask",
    "retry",
    "acknowledgement",
    "timeout_seconds",
    "connect_timeout_seconds",
    "concurrency",
    "ordering",
    "breaker_threshold",
    "probe_seconds",
)
"""What a listener says that advice has no part in."""


def _account(account: Account, key_env: str) -> dict[str, Json]:
    users = [_given(id=one.id, email=one.email, groups=list(one.groups)) for one in account.users]
    return _given(
        id=account.id,
        name=account.name,
        parent=account.parent_id,
        environment_field=account.environment_field,
        keys=[{"env": key_env}],
        users=users,
    )


def _listener(listener: Listener, facts: Facts) -> dict[str, Json]:
    said = listener.users
    users = {said.kind: [*said.emails, *said.ids, *said.groups]} if said else None
    account = next(one for one in facts.accounts if one.id == listener.account_id)
    names = [one.name for one in facts.accounts]
    return _given(
        name=listener.name,
        account=account.name if names.count(account.name) == 1 and account.name else account.id,
        url=listener.url,
        events=list(listener.events),
        users=users,
        filter=listener.filter,
        **_of_filter(listener),
        lane=listener.lane,
        environment=listener.environment,
    )


def _of_filter(listener: Listener) -> dict[str, Json]:
    """Return how a listener's filter decides, where it has one and that is not the usual way."""
    said = {"comparison": listener.comparison, "field_policy": listener.field_policy}
    usual = ("exact", "current")
    return {} if listener.filter is None else {k: v for k, v in said.items() if v not in usual}


def _given(**values: Json) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value not in (None, "", [])}


# Docusign's own


def _configuration(listener: Listener, account: Account) -> dict[str, Json]:
    """Return a Connect configuration, its booleans as texts (contract 8.2).

    No configuration filters by content: what a filter asks, the listener has to discard by.
    """
    said = listener.users
    by_users: dict[str, Json] = {"allUsers": "true"}
    if said is not None:
        ids: list[str] = list(
            dict.fromkeys(one.id for one in _members(listener, account) if one.id)
        )
        by_users = {"allUsers": "false", "userIds": ids}
        if said.kind == "except":
            by_users = {"allUsers": "false", "allUsersExcept": "true", "userIds": ids}
    return {
        "configurationType": "custom",
        "name": listener.name,
        "urlToPublishTo": listener.url,
        "allowEnvelopePublish": "true",
        **by_users,
        "requiresAcknowledgement": "true",
        "enableLog": "true",
        "includeHMAC": "true",
        "deliveryMode": "SIM",
        "events": list(listener.events) or sorted(vocabulary.EVENTS),
        "eventData": {"version": "restv2.1", "format": "json", "includeData": INCLUDE},
    }


def _members(listener: Listener, account: Account) -> Iterator[User]:
    """Yield whom a listener's condition names, as the account knows them."""
    said = listener.users
    if said is None:
        return
    known_ids = {one.id for one in account.users}
    known_emails = {one.email for one in account.users}
    yield from (User(id=one) for one in said.ids if one not in known_ids)
    yield from (User(email=one) for one in said.emails if one not in known_emails)
    for user in account.users:
        is_named = user.id in said.ids or user.email in said.emails
        if is_named or set(user.groups) & set(said.groups):
            yield user


def _without_id(listener: Listener, account: Account) -> Iterator[str]:
    return (one.email or "" for one in _members(listener, account) if one.id is None)


def _event_notification(one: Integration) -> dict[str, Json]:
    """Return an `eventNotification` with all that is off unless asked for (contract 8.3)."""
    coded: dict[str, list[Json]] = {"envelope": [], "recipient": []}
    others: list[Json] = []
    for event in one.events:
        legacy = vocabulary.legacy(event)
        if legacy is None:
            others.append(event)
        else:
            kind, code = legacy
            coded[kind].append({f"{kind}EventStatusCode": code, "includeDocuments": "false"})
    lists: dict[str, Json] = {f"{kind}Events": found for kind, found in coded.items() if found}
    if others:
        lists = {"events": list(one.events)}
    return {
        "url": one.url,
        "requireAcknowledgment": "true",
        "loggingEnabled": "true",
        "includeHMAC": "true",
        **lists,
        "eventData": {"version": "restv2.1", "format": "json", "includeData": INCLUDE},
    }
