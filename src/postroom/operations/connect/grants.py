"""The grants of `/oauth/token`: an assertion, an authorization code, a refresh token."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from postroom.clock import SECOND
from postroom.model import Json, Noun, Registry
from postroom.operations.connect import access_tokens, assertions, callers, integrations
from postroom.operations.connect.access_tokens import Access
from postroom.operations.connect.assertions import GrantError
from postroom.operations.connect.callers import Credential
from postroom.operations.connect.integrations import Integration
from postroom.storage.port import KeptObject, Store
from postroom.vault import Vault

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CODE_SECONDS = 120
"""As long as Docusign's authorization codes last."""
REFRESH_SECONDS = 30 * 86_400
Kind = Literal["oauth-code", "oauth-refresh"]
CODE_KIND: Kind = "oauth-code"
REFRESH_KIND: Kind = "oauth-refresh"


class Given(Noun, frozen=True, kw_only=True):
    """What a code or a refresh token stands for, as kept under the hash of it."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    expires_at: int
    redirect_uri: str = ""
    challenge: str = ""
    """PKCE (RFC 7636): the S256 challenge that the code's verifier must answer."""


class Office:
    """Gives tokens: what the grants work with."""

    def __init__(self, *, store: Store, vault: Vault, registry: Registry, now: int) -> None:
        self.store = store
        self.vault = vault
        self.registry = registry
        self.now = now


async def by_assertion(
    office: Office, assertion: str, *, audiences: Collection[str], dated_by: int
) -> Json:
    """Answer the JWT grant: one hour for the user whom the assertion names.

    `dated_by` is now by the machine's clock. Registering an integration is the consent here.
    Raises `GrantError`.
    """
    issuer = assertions.claimed_issuer(assertion)
    integration = await integrations.find(office.store, issuer)
    if integration is None:
        raise GrantError("invalid_grant", "issuer_not_found")
    proof = assertions.read_assertion(assertion, integration, audiences=audiences, now=dated_by)
    _must_be_user(office, proof.user_id)
    return _token(
        office, integration, proof.user_id, proof.scopes, seconds=access_tokens.JWT_GRANT_SECONDS
    )


async def give_code(  # to whom, for whom, and how it comes back
    office: Office,
    integration: Integration,
    user_id: str,
    scopes: frozenset[str],
    *,
    redirect_uri: str,
    challenge: str = "",
) -> str:
    """Return a new authorization code, good once and for two minutes."""
    _must_be_user(office, user_id)
    given = Given(
        client_id=integration.client_id,
        user_id=user_id,
        scopes=tuple(sorted(scopes)),
        expires_at=office.now + CODE_SECONDS * SECOND,
        redirect_uri=redirect_uri,
        challenge=challenge,
    )
    return await _keep(office, CODE_KIND, given)


async def by_code(
    office: Office,
    integration: Integration,
    code: str,
    *,
    redirect_uri: str = "",
    verifier: str = "",
) -> Json:
    """Answer the authorization code grant: eight hours, and a refresh token.

    Raises `GrantError`.
    """
    given = await _take(office, CODE_KIND, code, integration)
    if redirect_uri and redirect_uri != given.redirect_uri:
        raise GrantError("invalid_grant", "redirect_uri is not the one the code was asked with.")
    if given.challenge and not hmac.compare_digest(challenge_of(verifier), given.challenge):
        raise GrantError("invalid_grant", "code_verifier does not answer the code_challenge.")
    return await _with_refresh(office, integration, given)


async def by_refresh_token(office: Office, integration: Integration, token: str) -> Json:
    """Answer the refresh grant: eight hours, and the next refresh token. Raises `GrantError`."""
    return await _with_refresh(
        office, integration, await _take(office, REFRESH_KIND, token, integration)
    )


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def client_of(office: Office, authorization: str) -> Integration:
    """Return the integration that HTTP Basic names and proves. Raises `GrantError`, 401."""
    scheme, _, coded = authorization.partition(" ")
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    client_id, colon, secret = text.partition(":")
    found = await integrations.find(office.store, client_id[:100]) if colon else None
    is_proved = found is not None and integrations.has_secret(office.vault, found, secret)
    if found is None or not is_proved or scheme.lower() != "basic":
        raise GrantError(
            "invalid_client",
            "Send the integration key and its secret as HTTP Basic.",
            status=HTTPStatus.UNAUTHORIZED,
        )
    return found


def _must_be_user(office: Office, user_id: str) -> None:
    if not callers.memberships(office.registry, Credential(user_id=user_id)):
        raise GrantError("invalid_grant", "user_not_found")


async def _with_refresh(office: Office, integration: Integration, given: Given) -> Json:
    _must_be_user(office, given.user_id)
    scopes = frozenset(given.scopes)
    told = _token(
        office, integration, given.user_id, scopes, seconds=access_tokens.CODE_GRANT_SECONDS
    )
    lasting = msgspec.structs.replace(
        given, expires_at=office.now + REFRESH_SECONDS * SECOND, redirect_uri="", challenge=""
    )
    refresh = await _keep(office, REFRESH_KIND, lasting)
    return {
        "access_token": told["access_token"],
        "token_type": "Bearer",
        "refresh_token": refresh,
        "expires_in": told["expires_in"],
        "scope": told["scope"],
    }


def _token(
    office: Office,
    integration: Integration,
    user_id: str,
    scopes: frozenset[str],
    *,
    seconds: int,
) -> dict[str, Any]:
    access = Access(
        user_id=user_id,
        client_id=integration.client_id,
        scopes=scopes,
        expires_at=office.now + seconds * SECOND,
    )
    return {
        "access_token": access_tokens.issue(office.vault, access, now=office.now),
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": " ".join(sorted(scopes)),
    }


async def _keep(office: Office, kind: Kind, given: Given) -> str:
    """Keep what a new secret stands for under its hash, and forget what is out of date."""
    for old in await office.store.kept_objects(kind, integrations.NO_ACCOUNT):
        if msgspec.json.decode(old.body, type=Given).expires_at <= office.now:
            await office.store.drop_object(kind, integrations.NO_ACCOUNT, old.id)
    made = secrets.token_urlsafe(32)
    await office.store.keep_object(
        KeptObject(
            kind=kind,
            account_id=integrations.NO_ACCOUNT,
            id=_hash(made),
            body=msgspec.json.encode(given),
            updated_at=office.now,
        )
    )
    return made


async def _take(office: Office, kind: Kind, secret: str, integration: Integration) -> Given:
    """Use up a code or refresh token: whoever comes second gets nothing. Raises `GrantError`."""
    place = (kind, integrations.NO_ACCOUNT)
    kept = await office.store.kept_objects(*place, [_hash(secret)])
    given = msgspec.json.decode(kept[0].body, type=Given) if kept else None
    if given is not None and given.client_id == integration.client_id:
        was_there = await office.store.drop_object(*place, _hash(secret))
        if was_there and given.expires_at > office.now:
            return given
    raise GrantError("invalid_grant", "It is unknown, used, expired, or another integration's.")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
