"""The HMAC secrets of an account on Docusign's paths: made here, shown once, named by position.

The bodies of these paths are not published for accounts (contract 6): lists are shaped as those
of organizations are. What stands in them is a secret's fingerprint, not the beginning of it.
"""

import base64
import secrets

from postroom.errors import DocusignError
from postroom.model import Json
from postroom.operations import keys
from postroom.operations.connect.living import ConnectServer
from postroom.storage.port import SealedSecret

SECRET_BYTES = 32
"""As long as Docusign's own, which are 44 characters of base64 (contract 4)."""


async def list_secrets(server: ConnectServer, account_id: str) -> Json:
    """Return the secrets in force by their fingerprints; the first has the `keyId` 1."""
    return {"secrets": [one.fingerprint for one in await _in_force(server, account_id)]}


async def add_secret(server: ConnectServer, account_id: str, *, actor: str) -> Json:
    """Make a secret; return it in full, this once, with its `keyId`."""
    text = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    await keys.add_key(
        server.store,
        server.vault,
        account=account_id,
        text=text,
        now=server.clock.now(),
        actor=actor,
    )
    await server.refresh()
    return {"keyId": str(len(await _in_force(server, account_id))), "secret": text}


async def retire_secret(server: ConnectServer, account_id: str, key_id: str, *, actor: str) -> None:
    """Take a secret out of use, by its position; those behind it move up."""
    found = await _in_force(server, account_id)
    position = int(key_id) if key_id.isascii() and key_id.isdigit() and len(key_id) <= 3 else 0  # noqa: PLR2004  # there are 100 at most
    if not 1 <= position <= len(found):
        raise DocusignError(
            "RESOURCE_NOT_FOUND",
            f"The account has no secret {key_id[:10]}; the first is 1, and there are {len(found)}.",
            status=404,
        )
    chosen = found[position - 1]
    await keys.retire_key(server.store, chosen.id, now=server.clock.now(), actor=actor)
    await server.refresh()


async def _in_force(server: ConnectServer, account_id: str) -> list[SealedSecret]:
    now = server.clock.now()
    return [
        one
        for one in await server.store.secrets()
        if (one.account_id, one.listener, one.purpose) == (account_id, None, "hmac")
        and (one.retired_at is None or one.retired_at > now)
    ]
