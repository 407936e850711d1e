"""API tokens: kept as hashes, compared in constant time, shown once."""

import hashlib
import hmac
import secrets

from postroom.storage.port import AuditEntry, Store

ADMIN = "admin"


async def ensure_admin(store: Store, given: str | None, *, now: int) -> str | None:
    """See that an administrator can sign in; return a token only if one was made just now.

    A token given in the settings replaces the administrator's; otherwise one is made the first
    time, to be printed once.
    """
    known = dict(await store.token_hashes())
    if given is None and ADMIN in known:
        return None
    token = given if given is not None else f"prt_{secrets.token_urlsafe(32)}"
    if known.get(ADMIN) != _digest(token):
        entry = AuditEntry(at=now, actor="postroom", verb="put-token", details={"name": ADMIN})
        await store.put_token(ADMIN, _digest(token), entry)
    return None if given is not None else token


async def who(store: Store, token: str) -> str | None:
    """Return the name a token was given under, or None for one we do not know."""
    digest, found = _digest(token), None
    for name, known in await store.token_hashes():
        if hmac.compare_digest(digest, known):
            found = name
    return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
