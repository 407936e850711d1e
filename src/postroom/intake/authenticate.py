"""Who sent it: the account the body names, proved by one of that account's own keys."""

import re
from collections.abc import Mapping, Sequence

from postroom import signature
from postroom.intake import sim_json
from postroom.model import Noun, Secret

MAX_GUESSED_KEYS = 200
"""A body that names no account is tried with every account's keys only up to so many."""
MAX_GUESSED_BYTES = 128 * 1024 * 1024
"""And only while the body times the keys is no more than this, which is some 0.2 s of hashing."""
SCANNED_BYTES = 64 * 1024
"""How far an unreadable body is searched for the account it names."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED = re.compile(rb'"accountId"\s{0,8}:\s{0,8}"([0-9A-Fa-f-]{36})"')

UNKNOWN_ACCOUNT = "the account it names is not registered here"
NO_ACCOUNT = "it names no account; use /connect/{accountId} as the listener URL"
OTHER_ACCOUNT = "the body names another account than the URL or the header"
OTHER_ALGORITHM = "X-Authorization-Digest is not HMACSHA256"
NO_KEYS = "the account has no active key and is not declared unsigned"
NO_SIGNATURE = "no signature header"
WRONG_SIGNATURE = "no signature matches a key of the account"


class Door(Noun, frozen=True, kw_only=True):
    """An account as the front door knows it: its active keys, in order."""

    account_id: str
    keys: tuple[Secret, ...]
    is_unsigned: bool = False


class Accepted(Noun, frozen=True, kw_only=True):
    """Proved to come from the account, by the key named (None: an unsigned account)."""

    account_id: str
    key_id: str | None


class Refused(Noun, frozen=True, kw_only=True):
    """Not proved. For the operator: nothing of it goes back to the sender."""

    account_id: str | None
    reason: str
    hint: str | None = None


def authenticate(
    body: bytes,
    *,
    path_account: str | None,
    header_account: str | None,
    algorithm: str | None,
    signatures: Sequence[str],
    doors: Mapping[str, Door],
    outer: sim_json.Outer | None = None,
) -> Accepted | Refused:
    """Decide whether a message comes from the account it names; never raises.

    `outer` is what the body says, where somebody has read it already.

    The body's own account chooses the keys. A body that cannot be read is tried with the keys of
    the account that the URL, else the header, else its raw bytes name, else of all accounts; an
    unsigned account takes one only under its own URL.
    """
    path, header = _guid(path_account), _guid(header_account)
    if path_account is not None and path is None:
        return Refused(account_id=None, reason=UNKNOWN_ACCOUNT)
    named = _named(body) if outer is None else _name(outer.data)
    if named is not None and any(other not in {None, named} for other in (path, header)):
        return Refused(account_id=named, reason=OTHER_ACCOUNT)
    if path is not None and header is not None and path != header:
        return Refused(account_id=path, reason=OTHER_ACCOUNT)
    if algorithm is not None and algorithm.strip().upper() != signature.ALGORITHM:
        return Refused(account_id=named or path, reason=OTHER_ALGORITHM)
    account_id = named or path or header or _scanned(body)
    if account_id is None:
        return _guess(body, signatures, doors)
    door = doors.get(account_id)
    if door is None:
        return Refused(account_id=account_id, reason=UNKNOWN_ACCOUNT)
    return _prove(body, signatures, door, is_named=(named or path) is not None)


def _prove(
    body: bytes, signatures: Sequence[str], door: Door, *, is_named: bool
) -> Accepted | Refused:
    if door.is_unsigned and not (door.keys and signatures):
        if not is_named:
            return Refused(account_id=door.account_id, reason=NO_ACCOUNT)
        return Accepted(account_id=door.account_id, key_id=None)
    if not door.keys:
        return Refused(account_id=door.account_id, reason=NO_KEYS)
    texts = [key.text for key in door.keys]
    index = signature.verify_docusign(texts, signatures, body)
    if index is not None:
        return Accepted(account_id=door.account_id, key_id=door.keys[index].id)
    return Refused(
        account_id=door.account_id,
        reason=WRONG_SIGNATURE if signatures else NO_SIGNATURE,
        hint=signature.likely_cause(texts, signatures, body),
    )


def _guess(body: bytes, signatures: Sequence[str], doors: Mapping[str, Door]) -> Accepted | Refused:
    """Find the account of a signed body that names none, so that it can be kept and listed."""
    keys = [key for door in doors.values() for key in door.keys]
    if not signatures:
        return Refused(account_id=None, reason=NO_SIGNATURE)
    if len(keys) > MAX_GUESSED_KEYS or len(keys) * len(body) > MAX_GUESSED_BYTES:
        return Refused(account_id=None, reason=NO_ACCOUNT)
    index = signature.verify_docusign([key.text for key in keys], signatures, body)
    if index is None:
        return Refused(account_id=None, reason=NO_ACCOUNT)
    return Accepted(account_id=keys[index].account_id, key_id=keys[index].id)


def _named(body: bytes) -> str | None:
    try:
        return _name(sim_json.HEAD.decode(body).data)
    except sim_json.UNREADABLE:
        return None


def _name(naming: sim_json.Named | sim_json.Inner | None) -> str | None:
    if naming is None or not naming.accountId:
        return None
    # A name that is no GUID is still a name: it must not fall back to another account's keys.
    name = naming.accountId[:100].lower()
    return name if name.isprintable() else "?"


def _scanned(body: bytes) -> str | None:
    found = _NAMED.search(body, 0, SCANNED_BYTES)
    return _guid(found[1].decode("ascii")) if found else None


def _guid(text: str | None) -> str | None:
    if text is None or len(text) > 36:  # noqa: PLR2004  # the length of a GUID
        return None
    lowered = text.lower()
    return lowered if _GUID.fullmatch(lowered) else None
