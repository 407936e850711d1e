"""Integrations: added with a client id and a secret of their own, listed without it, removed."""

import uuid
from collections.abc import Sequence

import msgspec

from postroom.errors import ConflictError, InvalidInputError, NotFoundError
from postroom.model import Noun
from postroom.operations.connect import integrations as registered
from postroom.operations.connect.integrations import KIND, NO_ACCOUNT, Integration
from postroom.operations.names import SHOWN
from postroom.operations.views import Page, moment
from postroom.storage.port import AuditEntry, KeptObject, Store
from postroom.vault import Vault

MAX_INTEGRATIONS = 100


class IntegrationView(Noun, frozen=True, kw_only=True):
    """An integration, without what it proves itself by."""

    client_id: str
    """Docusign's integration key."""
    name: str
    redirect_uris: tuple[str, ...]
    added_at: str


class NewIntegration(Noun, frozen=True, kw_only=True):
    """An integration just added, and its secret, told this once."""

    integration: IntegrationView
    client_secret: str

    def __repr__(self) -> str:
        return f"NewIntegration(integration={self.integration!r})"


async def list_integrations(store: Store) -> Page[IntegrationView]:
    """List what may ask for access tokens, by name."""
    views = sorted((_view(one) for one in await _kept(store)), key=lambda one: one.name)
    return Page(items=tuple(views), next_after=None)


async def add_integration(  # what it is called, how it proves itself, who adds it when
    store: Store,
    vault: Vault,
    *,
    name: str,
    public_key: str,
    redirect_uris: Sequence[str] = (),
    now: int,
    actor: str,
) -> NewIntegration:
    """Let an integration ask for access tokens; its client id and its secret are made here.

    `public_key` is RSA in PEM, for the JWT grant. Raises `InvalidInputError` for what cannot be
    used, `ConflictError` where there are as many as there may be.
    """
    if len(await _kept(store)) >= MAX_INTEGRATIONS:
        raise ConflictError(f"there are {MAX_INTEGRATIONS} integrations already; remove one first")
    client_id, secret = str(uuid.uuid4()), str(uuid.uuid4())
    made = await registered.register_integration(
        store,
        vault,
        client_id=client_id,
        name=name,
        secret=secret,
        public_key=public_key,
        redirect_uris=redirect_uris,
        now=now,
        audit=_noted(now, actor, "add-integration", client_id, name),
    )
    return NewIntegration(integration=_told(made, now), client_secret=secret)


async def remove_integration(
    store: Store, integration: str, *, now: int, actor: str
) -> IntegrationView:
    """Give an integration no more tokens; named by client id or name. Returns it as it was.

    An access token that it has is good until it expires: it is kept nowhere.
    Raises `NotFoundError`, or `InvalidInputError` where several have the name.
    """
    found = _named([_view(one) for one in await _kept(store)], integration)
    audit = _noted(now, actor, "remove-integration", found.client_id, found.name)
    if not await store.drop_object(KIND, NO_ACCOUNT, found.client_id, audit):
        raise _missing(integration)
    return found


async def _kept(store: Store) -> Sequence[KeptObject]:
    return await store.kept_objects(KIND, NO_ACCOUNT)


def _named(known: Sequence[IntegrationView], named: str) -> IntegrationView:
    by_id = [one for one in known if one.client_id == named.lower()]
    found = by_id or [one for one in known if one.name == named]
    if not found:
        raise _missing(named)
    if len(found) > 1:
        ids = ", ".join(one.client_id for one in found)
        raise InvalidInputError(f"several integrations are called {named!r}; give the id: {ids}")
    return found[0]


def _missing(named: str) -> NotFoundError:
    return NotFoundError(
        f"there is no integration {named[:SHOWN]!r}; `postroom integrations` lists them"
    )


def _view(kept: KeptObject) -> IntegrationView:
    return _told(msgspec.json.decode(kept.body, type=Integration), kept.updated_at)


def _told(one: Integration, added_at: int) -> IntegrationView:
    return IntegrationView(
        client_id=one.client_id,
        name=one.name,
        redirect_uris=one.redirect_uris,
        added_at=moment(added_at),
    )


def _noted(now: int, actor: str, verb: str, client_id: str, name: str) -> AuditEntry:
    return AuditEntry(
        at=now, actor=actor, verb=verb, details={"client_id": client_id, "name": name}
    )
