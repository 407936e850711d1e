"""How an account is entered: by a token given once, or by tokens for a signed assertion.

The JWT grant (RFC 7523; contract 7.1): an integration says, signed with its RSA key, for which
user it asks, and gets a token for an hour.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from postroom.clock import SECOND
from postroom.model import Account, Noun

SCOPE = "signature impersonation"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 600
"""How long an assertion holds: it is used at once."""
UNTOLD_LIFETIME_SECONDS = 300
MOST_LIFETIME_SECONDS = 24 * 3600
MARGIN_SECONDS = 300
"""A token is not used so shortly before its end, or for the last tenth of a short life."""
MIN_KEY_BITS = 2048
MAX_KEY_CHARACTERS = 10_000
_TOKEN = re.compile(r"[!-~]{1,8192}", re.ASCII)
"""What can stand in a header, and in no way end it."""
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Grant(Noun, frozen=True, kw_only=True):
    """Who asks for tokens, where, and for whom."""

    integration_key: str
    user_id: str
    """The user whom the integration acts as."""
    oauth_base: str
    """Such as `https://account-d.docusign.com`."""


class Access(Noun, frozen=True, kw_only=True):
    """An account and how it is entered. Never logged, never shown."""

    account_id: str
    base_url: str
    """Up to and including `/restapi`."""
    grant: Grant | None
    """None: `secret` is a bearer token; otherwise it is the grant's RSA key, PEM."""
    secret: str

    def __repr__(self) -> str:
        return f"Access(account_id={self.account_id!r}, base_url={self.base_url!r})"


class Token(Noun, frozen=True, kw_only=True):
    """A token, and the moment from which it is not used any more. Never logged, never shown."""

    text: str
    fresh_until: int

    def __repr__(self) -> str:
        return f"Token(fresh_until={self.fresh_until})"


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: int | str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


def access_of(account: Account, secret: str | None) -> Access | None:
    """Return how an account is entered, or None where its file does not say or the secret lacks."""
    said = account.enrichment
    if said is None or secret is None:
        return None
    grant = None
    if said.integration_key is not None and said.user_id is not None and said.oauth_base:
        grant = Grant(
            integration_key=said.integration_key,
            user_id=said.user_id,
            oauth_base=said.oauth_base.rstrip("/"),
        )
    return Access(
        account_id=account.id, base_url=said.base_url.rstrip("/"), grant=grant, secret=secret
    )


def check_private_key(text: str) -> str | None:
    """Return what is wrong with an RSA private key in PEM and what to do, or None."""
    if "PRIVATE KEY" not in text:
        what = "this is a public key" if "PUBLIC KEY" in text else "this is no private key"
        return f"{what}; give the RSA private key of the integration, as PEM from BEGIN to END"
    if "ENCRYPTED" in text:
        return "the key is encrypted with a password; give it without one, it is sealed here"
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "the key cannot be read; copy the whole file, from BEGIN to END"
    if not isinstance(key, RSAPrivateKey):
        return "this is no RSA key; Docusign takes RSA keys only"
    if key.key_size < MIN_KEY_BITS:
        return f"the key has {key.key_size} bits; make one of {MIN_KEY_BITS} or more"
    return None


def token_form(grant: Grant, private_key: str, *, now: int) -> bytes:
    """Return the form that asks for a token, its assertion signed and dated `now`.

    Raises `ValueError` for a key that cannot sign; `check_private_key` tells beforehand.
    """
    seconds = now // SECOND
    assertion = jwt.encode(
        {
            "iss": grant.integration_key,
            "sub": grant.user_id,
            "aud": urlsplit(grant.oauth_base).netloc,
            "iat": seconds,
            "exp": seconds + ASSERTION_SECONDS,
            "scope": SCOPE,
        },
        private_key,
        algorithm="RS256",
    )
    return urlencode({"grant_type": JWT_BEARER, "assertion": assertion}).encode("ascii")


def consent_url(grant: Grant) -> str:
    """Return where the user lets the integration act for them, once (individual consent)."""
    asked = urlencode(
        {"response_type": "code", "scope": SCOPE, "client_id": grant.integration_key}
    ).replace("+", "%20")
    return f"{grant.oauth_base}/oauth/auth?{asked}&redirect_uri=REDIRECT_URI"


def read_token(status: int, body: bytes, grant: Grant, *, now: int) -> Token | str:
    """Return the token of an answer, or in a sentence why there is none.

    Nothing that the endpoint says is repeated but words that OAuth and Docusign document.
    """
    if status != HTTPStatus.OK:
        return _refusal(status, body, grant)
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except _UNREADABLE:
        return "the OAuth server answered no JSON with an access_token; is oauth_base right?"
    if _TOKEN.fullmatch(answer.access_token) is None:
        return "the OAuth server gave an access_token that cannot stand in a header"
    lifetime = _lifetime_seconds(answer.expires_in)
    margin = min(MARGIN_SECONDS, lifetime // 10)
    return Token(text=answer.access_token, fresh_until=now + (lifetime - margin) * SECOND)


def _refusal(status: int, body: bytes, grant: Grant) -> str:
    try:
        said = msgspec.json.decode(body, type=_Refusal)
    except _UNREADABLE:
        said = _Refusal()
    words = f"{said.error} {said.error_description}".lower()
    remedies: Mapping[str, str] = {
        "consent_required": (
            f"consent_required: user {grant.user_id} has not let the integration act for them;"
            f" as that user open {consent_url(grant)} once, with a redirect URI of the integration"
        ),
        "no_valid_keys_or_signatures": (
            "no_valid_keys_or_signatures: the private key is none of integration"
            f" {grant.integration_key}; put its key in the file and apply again"
        ),
        "user_not_found": (
            f"user_not_found: there is no user {grant.user_id} at {grant.oauth_base}; user_id is"
            " the user's API id, and production and demo have different ones"
        ),
        "issuer_not_found": (
            f"issuer_not_found: {grant.oauth_base} knows no integration {grant.integration_key};"
            " integration keys of demo are not those of production"
        ),
    }
    for word, remedy in remedies.items():
        if word in words:
            return remedy
    known = {"invalid_grant", "invalid_client", "invalid_scope", "invalid_request"}
    word = f" ({said.error})" if said.error in known else ""
    return (
        f"the OAuth server answered {status}{word}; check oauth_base, integration_key and user_id"
    )


def _lifetime_seconds(told: Any) -> int:
    """Return `expires_in` within bounds; some servers tell it as a text."""
    if isinstance(told, str):
        told = int(told[:9]) if told.isascii() and told.isdigit() else None
    if told is None:
        return UNTOLD_LIFETIME_SECONDS
    return int(min(max(told, 0), MOST_LIFETIME_SECONDS))
