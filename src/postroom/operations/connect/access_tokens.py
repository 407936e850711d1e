"""Access tokens of our own: signed, short-lived, kept nowhere."""

import secrets
from collections.abc import Iterable
from typing import Any

import jwt

from postroom.clock import SECOND
from postroom.model import Noun
from postroom.vault import Vault

ISSUER = "postroom"
ALGORITHM = "HS256"
PURPOSE = "oauth access tokens"
JWT_GRANT_SECONDS = 3600
CODE_GRANT_SECONDS = 8 * 3600
MAX_TOKEN_CHARACTERS = 4000


class Access(Noun, frozen=True, kw_only=True):
    """What an access token proves."""

    user_id: str
    client_id: str
    scopes: frozenset[str]
    expires_at: int


def issue(vault: Vault, access: Access, *, now: int) -> str:
    """Return an access token."""
    claims = {
        "iss": ISSUER,
        "sub": access.user_id,
        "client_id": access.client_id,
        "scp": sorted(access.scopes),
        "iat": now // SECOND,
        "exp": access.expires_at // SECOND,
        "jti": secrets.token_hex(8),
    }
    return jwt.encode(claims, vault.derived_key(PURPOSE), algorithm=ALGORITHM)


def read(vault: Vault, token: str, *, now: int) -> Access | None:
    """Return what a token proves, or None for one that is not ours, or not good any more."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        return None
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            vault.derived_key(PURPOSE),
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            # The moments are checked below, by the clock of this server.
            options={
                "require": ["exp", "sub"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except (jwt.InvalidTokenError, ValueError):
        return None
    expires_at = int(claims["exp"]) * SECOND
    if expires_at <= now:
        return None
    return Access(
        user_id=str(claims["sub"]),
        client_id=str(claims.get("client_id", "")),
        scopes=frozenset(_texts(claims.get("scp", ()))),
        expires_at=expires_at,
    )


def _texts(claimed: Iterable[Any]) -> Iterable[str]:
    return (str(one) for one in claimed)
