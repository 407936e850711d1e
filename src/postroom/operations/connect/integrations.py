"""Integrations: what may ask for access tokens, by its integration key (contract 7.1)."""

import hmac
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from postroom.errors import InvalidInputError
from postroom.model import Noun
from postroom.storage.port import AuditEntry, KeptObject, Store
from postroom.vault import Vault, write_once

KIND = "integration"
NO_ACCOUNT = ""
"""An integration belongs to no account: it may act for users of any that is here."""
OFFLINE_ID = uuid.uuid5(uuid.NAMESPACE_DNS, "offline.postroom.invalid")
OFFLINE_NAME = "Offline integration"
OFFLINE_KEY_FILE = "postroom-offline-integration.pem"
MIN_KEY_BITS = 2048
MIN_SECRET_CHARACTERS = 16
MAX_SECRET_CHARACTERS = 200
MAX_NAME_CHARACTERS = 100
MAX_REDIRECT_URIS = 20
MAX_URI_CHARACTERS = 2000
MAX_PEM_CHARACTERS = 10_000


class Integration(Noun, frozen=True, kw_only=True):
    """Who may ask for access tokens, and how it proves that it asks."""

    client_id: str
    """The integration key: a GUID, lower case."""
    name: str
    sealed_secret: bytes
    public_key: str
    """RSA, PEM."""
    redirect_uris: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Integration(client_id={self.client_id!r}, name={self.name!r})"


class IntegrationOffer(Noun, frozen=True, kw_only=True):
    """What a developer needs to sign in as the integration that offline mode has ready."""

    client_id: str
    client_secret: str
    private_key_file: Path

    def __repr__(self) -> str:
        return f"IntegrationOffer(client_id={self.client_id!r})"


async def register_integration(  # noqa: PLR0913  # what it is called, how it proves itself, where it may lead
    store: Store,
    vault: Vault,
    *,
    client_id: str,
    name: str,
    secret: str,
    public_key: str,
    redirect_uris: Sequence[str] = (),
    now: int,
    audit: AuditEntry | None = None,
) -> Integration:
    """Keep an integration; one of the same client id is replaced.

    Raises `InvalidInputError` for what cannot be used.
    """
    made = Integration(
        client_id=_guid(client_id),
        name=_name(name),
        sealed_secret=vault.seal(_secret(secret)),
        public_key=_public_key(public_key),
        redirect_uris=_redirect_uris(redirect_uris),
    )
    await store.keep_object(
        KeptObject(
            kind=KIND,
            account_id=NO_ACCOUNT,
            id=made.client_id,
            body=msgspec.json.encode(made),
            updated_at=now,
        ),
        audit,
    )
    return made


async def find(store: Store, client_id: str) -> Integration | None:
    """Return the integration of a client id in any case."""
    kept = await store.kept_objects(KIND, NO_ACCOUNT, [client_id.lower()])
    return msgspec.json.decode(kept[0].body, type=Integration) if kept else None


def has_secret(vault: Vault, integration: Integration, secret: str) -> bool:
    """Return whether a secret is the integration's; compared in constant time."""
    known = vault.open(integration.sealed_secret).encode()
    return hmac.compare_digest(known, secret.encode("utf-8", "surrogatepass"))


async def ensure_offline_integration(
    store: Store, vault: Vault, *, now: int, folder: Path
) -> IntegrationOffer:
    """See that offline mode has an integration ready; return what a developer needs of it.

    Its private key is made once, in a file of the folder that its owner alone reads; the secret
    stays the same too. Redirects to loopback need no registration in offline mode.
    Raises `InvalidInputError` for a key file that cannot be made or read.
    """
    path = folder / OFFLINE_KEY_FILE
    public_key = _offline_public_key(path)
    client_id = str(OFFLINE_ID)
    known = await find(store, client_id)
    secret = vault.open(known.sealed_secret) if known is not None else str(uuid.uuid4())
    if known is None or known.public_key != public_key:
        await register_integration(
            store,
            vault,
            client_id=client_id,
            name=OFFLINE_NAME,
            secret=secret,
            public_key=public_key,
            now=now,
        )
    return IntegrationOffer(client_id=client_id, client_secret=secret, private_key_file=path)


def _offline_public_key(path: Path) -> str:
    try:
        write_once(path, _new_private_key)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise InvalidInputError(
            f"{path} cannot be made or read as a private key ({problem.__class__.__name__});"
            " remove it, and a new one is made"
        ) from None
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _public_key(public.decode())


def _new_private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=MIN_KEY_BITS)
    # The older of the two PEM forms: it is what Docusign's own administration hands out.
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidInputError("the client id of an integration is a GUID") from None


def _name(text: str) -> str:
    if not text.strip() or len(text) > MAX_NAME_CHARACTERS or not text.isprintable():
        raise InvalidInputError(
            f"the name of an integration is 1 to {MAX_NAME_CHARACTERS} printable characters"
        )
    return text.strip()


def _secret(text: str) -> str:
    if not MIN_SECRET_CHARACTERS <= len(text) <= MAX_SECRET_CHARACTERS or ":" in text:
        raise InvalidInputError(
            f"the secret of an integration is {MIN_SECRET_CHARACTERS} to {MAX_SECRET_CHARACTERS}"
            " characters, none of them a colon"
        )
    return text


def _public_key(text: str) -> str:
    complaint = f"the public key of an integration is RSA of {MIN_KEY_BITS} bits or more, in PEM"
    if len(text) > MAX_PEM_CHARACTERS:
        raise InvalidInputError(complaint)
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInputError(complaint) from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise InvalidInputError(complaint)
    return text


def _redirect_uris(uris: Sequence[str]) -> tuple[str, ...]:
    if len(uris) > MAX_REDIRECT_URIS or not all(is_absolute(uri) for uri in uris):
        raise InvalidInputError(
            f"redirect URIs are at most {MAX_REDIRECT_URIS}, absolute http or https URLs without"
            " a fragment or a user"
        )
    return tuple(uris)


def is_absolute(uri: str) -> bool:
    """Return whether a browser may be sent to a URI: http or https, nothing odd about it."""
    if len(uri) > MAX_URI_CHARACTERS or not uri.isascii() or not uri.isprintable():
        return False
    if any(one in uri for one in " \\\"'<>;,"):
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    is_plain = parts.username is None and not parts.fragment and port != 0
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_plain
