"""The assertions of the JWT grant: what they prove, and what is wrong with them.

An assertion's audience, issuer, subject, moments and signature are all checked, and its algorithm
is RS256 and no other, whatever its own header says.
"""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

import jwt

from postroom.clock import SECOND
from postroom.errors import InvalidInputError
from postroom.model import Noun
from postroom.operations.connect.integrations import Integration

SIGNATURE = "signature"
"""The scope without which nothing here can be called."""
KNOWN_SCOPES = frozenset({SIGNATURE, "impersonation", "extended", "openid", "email", "profile"})
LEEWAY_SECONDS = 60
"""How far the clock of whoever dated an assertion may be off."""
MAX_ASSERTION_CHARACTERS = 8000
MAX_ISSUER_CHARACTERS = 100
MAX_SCOPE_CHARACTERS = 1000
LATEST_SECONDS = 2**53


class GrantError(InvalidInputError):
    """Why no token is given, as OAuth spells it (RFC 6749, 5.2)."""

    def __init__(
        self, error: str, description: str, *, status: int = HTTPStatus.BAD_REQUEST
    ) -> None:
        super().__init__(description)
        self.error = error
        """Such as `invalid_grant`."""
        self.status = status


class Proof(Noun, frozen=True, kw_only=True):
    """What an assertion proves."""

    user_id: str
    scopes: frozenset[str]


def claimed_issuer(assertion: str) -> str:
    """Return the issuer that an assertion claims to be of, to find its key by."""
    if not assertion or len(assertion) > MAX_ASSERTION_CHARACTERS:
        raise GrantError("invalid_request", "Give an assertion, as a JWT signed with RS256.")
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise GrantError("invalid_grant", "The assertion is not a JWT.") from None
    return str(claims.get("iss", ""))[:MAX_ISSUER_CHARACTERS]


def read_assertion(
    assertion: str, integration: Integration, *, audiences: Collection[str], now: int
) -> Proof:
    """Return what an assertion proves. Raises `GrantError` unless all of it holds."""
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion,
            integration.public_key,
            algorithms=["RS256"],
            # The moments are checked below, against the moment given.
            options={
                "require": ["iss", "sub", "aud", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
            },
        )
    except jwt.MissingRequiredClaimError as problem:
        raise GrantError("invalid_grant", f"The assertion lacks {problem.claim}.") from None
    except (jwt.InvalidTokenError, jwt.InvalidKeyError, ValueError, RecursionError):
        raise GrantError("invalid_grant", "no_valid_keys_or_signatures") from None
    audience = claims["aud"]
    # An audience that is a list could name Docusign too: it must be for this server alone.
    if not isinstance(audience, str) or audience not in audiences:
        raise GrantError(
            "invalid_grant",
            "The assertion's aud is not this server; give the host and port that you send it to.",
        )
    _check_moments(claims, now // SECOND)
    scope = claims.get("scope", "")
    return Proof(user_id=str(claims["sub"]).lower(), scopes=read_scopes(str(scope)))


def _check_moments(claims: Mapping[str, Any], now_seconds: int) -> None:
    moments = [claims["iat"], claims["exp"], claims.get("nbf", 0)]
    if not all(isinstance(one, int | float) and abs(one) < LATEST_SECONDS for one in moments):
        raise GrantError("invalid_grant", "iat, exp and nbf are seconds since 1970.")
    issued_at, expires_at, not_before = moments
    if expires_at <= now_seconds - LEEWAY_SECONDS:
        raise GrantError("invalid_grant", "The assertion is expired; make a new one.")
    if max(issued_at, not_before) > now_seconds + LEEWAY_SECONDS:
        raise GrantError("invalid_grant", "The assertion is dated in the future; set the clock.")


def read_scopes(text: str) -> frozenset[str]:
    """Return the scopes of a text. Raises `GrantError` where `signature` is not among them.

    `impersonation` is not asked for: the SDK's own default is `signature` alone (contract 7.1).
    """
    scopes = frozenset(text[:MAX_SCOPE_CHARACTERS].split())
    if SIGNATURE not in scopes:
        raise GrantError("invalid_scope", "Ask for the scope `signature`.")
    return scopes & KNOWN_SCOPES
