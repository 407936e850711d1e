"""The roster: who is there right now, compiled for the road, replaced whole when it changes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from postroom.delivery import bearer, wanted
from postroom.delivery.bearer import Client
from postroom.intake.authenticate import Door
from postroom.model import (
    Account,
    Credentials,
    Json,
    Listener,
    ListenerState,
    Noun,
    Registry,
    Secret,
)
from postroom.routing.match import Router


class Roster(Noun, frozen=True, kw_only=True):
    """One consistent view of accounts, listeners, keys and states."""

    registry: Registry
    router: Router
    doors: Mapping[str, Door]
    signing: Mapping[int, tuple[str, ...]]
    """The texts of the keys that sign for a listener, by listener id, in key order."""
    credentials: Mapping[int, Credentials]
    """What listeners with Basic authentication are told, by listener id."""
    oauth: Mapping[int, Client | None]
    """Who asks for the tokens of listeners that want OAuth, by listener id; None where no
    configuration says how to get one."""
    tokens: Mapping[str, str]
    """What accounts are entered with (a bearer token, or the key of a JWT grant), by account id."""
    states: Mapping[int, ListenerState]
    states_revision: int
    """The states are at least as new as this revision of them."""
    stale_at: int | None
    """When a key retires next, so that the roster must be made anew."""

    def listener(self, listener_id: int) -> Listener | None:
        """Return the listener's revision in force, or None once it is removed."""
        return self.registry.listeners.get(listener_id)

    def is_paused(self, listener_id: int) -> bool:
        """Tell whether a person has paused the listener."""
        state = self.states.get(listener_id)
        return state is not None and state.paused_at is not None


def build(
    registry: Registry,
    secrets: Sequence[Secret],
    states: Mapping[int, ListenerState],
    *,
    now: int,
    oauth: Mapping[str, Json] = MappingProxyType({}),
    router: Router | None = None,
    states_revision: int = 0,
) -> Roster:
    """Compile a roster as of `now`; `router` is reused where the registry has not changed.

    `oauth` holds the accounts' own OAuth configurations (contract 1.4), by account id.
    """
    active = [s for s in secrets if s.retired_at is None or s.retired_at > now]
    hmac_keys = [s for s in active if s.purpose == "hmac"]
    of_account: dict[str, tuple[Secret, ...]] = dict.fromkeys(registry.accounts, ())
    of_listener: dict[tuple[str, str], tuple[str, ...]] = {}
    for key in hmac_keys:
        if key.listener is None:
            if key.account_id in of_account:
                of_account[key.account_id] += (key,)
        else:
            owner = (key.account_id, key.listener)
            of_listener[owner] = (*of_listener.get(owner, ()), key.text)
    return Roster(
        registry=registry,
        router=router if router is not None else Router(registry),
        doors={
            account_id: Door(
                account_id=account_id,
                keys=of_account[account_id],
                is_unsigned=account.is_unsigned,
            )
            for account_id, account in registry.accounts.items()
        },
        signing={
            listener.id: of_listener.get((listener.account_id, listener.name))
            or tuple(key.text for key in of_account.get(listener.account_id, ()))
            for listener in registry.listeners.values()
        },
        credentials=_credentials(registry.listeners, active),
        oauth=_oauth(registry.listeners, active, oauth),
        tokens=_tokens(registry.accounts, active),
        states=dict(states),
        states_revision=states_revision,
        stale_at=min(
            (s.retired_at for s in active if s.retired_at is not None),
            default=None,
        ),
    )


def _tokens(accounts: Mapping[str, Account], active: Sequence[Secret]) -> dict[str, str]:
    texts = {secret.id: secret.text for secret in active if secret.purpose == "enrichment"}
    return {
        account.id: texts[account.enrichment.token_key]
        for account in accounts.values()
        if account.enrichment is not None and account.enrichment.token_key in texts
    }


def _credentials(
    listeners: Mapping[int, Listener], active: Sequence[Secret]
) -> dict[int, Credentials]:
    """Return user name and password of every configuration that has both."""
    passwords = {
        (secret.account_id, secret.listener): secret.text
        for secret in active
        if secret.purpose == "password"
    }
    return {
        one.id: Credentials(user_name=said["userName"], password=password)
        for one in listeners.values()
        if isinstance(said := one.configuration, Mapping)
        and said.get("userName")
        and (password := passwords.get((one.account_id, one.name))) is not None
    }


def _oauth(
    listeners: Mapping[int, Listener], active: Sequence[Secret], of_account: Mapping[str, Json]
) -> dict[int, Client | None]:
    """Return the client of every listener that wants OAuth: its own, or else the account's."""
    secrets = {
        (secret.account_id, secret.listener): secret.text
        for secret in active
        if secret.purpose == "client-secret"
    }
    found: dict[int, Client | None] = {}
    for one in listeners.values():
        if not wanted.oauth(one):
            continue
        own = one.configuration.get("oAuthConfiguration")
        if own and one.configuration.get("enableOAuthPerConfiguration") == "true":
            found[one.id] = bearer.client_of(own, secrets.get((one.account_id, one.name)))
        else:
            said = of_account.get(one.account_id)
            found[one.id] = bearer.client_of(said, secrets.get((one.account_id, None)))
    return found
