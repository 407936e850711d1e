"""Secrets at rest: sealed with Fernet keys that rotate, told apart by fingerprints."""

import contextlib
import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from postroom.errors import InvalidInputError

FINGERPRINT_CHARACTERS = 8


class Vault:
    """Seals with the first key, opens with any: put a new key first to rotate."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise InvalidInputError(
                "secret_key: each key is 32 bytes in URL-safe base64; make one with"
                " `postroom keys generate-secret-key`"
            ) from None
        # The oldest key stays while keys rotate, so fingerprints do too.
        self._pepper = hashlib.sha256(b"fingerprint" + keys[-1]).digest()
        self._root = keys[-1]

    @staticmethod
    def generate_key() -> bytes:
        """Return a new key."""
        return Fernet.generate_key()

    def seal(self, text: str) -> bytes:
        """Return a secret sealed."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Return the secret that was sealed.

        Raises `InvalidInputError` if none of the keys sealed it.
        """
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise InvalidInputError(
                "the stored secrets were sealed with another key; give that key as secret_key"
                " (POSTROOM_SECRET_KEY), or bring back the .key file beside the database"
            ) from None

    def fingerprint(self, text: str) -> str:
        """Return eight hex digits that tell a secret from others and give nothing of it away."""
        return hmac.digest(self._pepper, text.encode(), "sha256").hex()[:FINGERPRINT_CHARACTERS]

    def derived_key(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose alone, the same at every start (HKDF, RFC 5869)."""
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
        return hkdf.derive(self._root)


class LockedVault(Vault):
    """The vault of secrets whose key is not there: seals and opens nothing, and says what to do."""

    def __init__(self, key: Path) -> None:
        self._key = key

    def seal(self, text: str) -> bytes:  # noqa: ARG002  # the vault's signature
        """Raise `InvalidInputError`: what another key sealed would not be of one key with it."""
        raise self._is_missing()

    def open(self, sealed: bytes) -> str:  # noqa: ARG002  # as above
        """Raise `InvalidInputError`."""
        raise self._is_missing()

    def fingerprint(self, text: str) -> str:  # noqa: ARG002  # as above
        """Raise `InvalidInputError`."""
        raise self._is_missing()

    def derived_key(self, purpose: str) -> bytes:  # noqa: ARG002  # as above
        """Raise `InvalidInputError`."""
        raise self._is_missing()

    def _is_missing(self) -> InvalidInputError:
        return InvalidInputError(
            f"{self._key} is missing, the key of the stored secrets: bring it back, or give its key"
            " as secret_key (POSTROOM_SECRET_KEY)"
        )


def file_beside(database: Path) -> Path:
    """Return where the keys of a database file are, unless they are given."""
    return Path(f"{database}.key")


def load(given: str | None, *, beside: Path, has_secrets: bool = False) -> Vault:
    """Return the vault of the keys given, comma-separated, or of the file beside the database.

    When neither is there, the file is made, readable by its owner only; but for a database that
    has secrets already the vault is locked, as a new key beside it would be taken for theirs.
    Raises `InvalidInputError` for what is no key, and for a file that cannot be made or read.
    """
    if given is not None:
        return Vault([key.strip().encode() for key in given.split(",") if key.strip()] or [b""])
    path = file_beside(beside)
    if has_secrets and not path.exists():
        return LockedVault(path)
    try:
        write_once(path, Vault.generate_key)
        keys = path.read_bytes().split()
    except OSError as problem:
        raise InvalidInputError(
            f"{path}: {problem.strerror}; let this user read and write it, or set secret_key"
            " (POSTROOM_SECRET_KEY)"
        ) from None
    if not keys:
        raise InvalidInputError(f"{path} is empty; bring back its key, or set secret_key instead")
    return Vault(keys)


def write_once(path: Path, make: Callable[[], bytes]) -> None:
    """Put something secret in a file that its owner alone reads, unless the file is there.

    Raises `OSError` for a file that cannot be made.
    """
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    made = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(made, "wb") as file:
        file.write(make())
        file.flush()
        os.fsync(made)
    # Linked whole: whoever comes second, or after a crash, never finds half a key.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
