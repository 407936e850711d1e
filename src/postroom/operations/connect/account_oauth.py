"""How an account's configurations get tokens for listeners that want OAuth (contract 1.4)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from postroom.errors import DocusignError
from postroom.model import Json
from postroom.operations import keys
from postroom.operations.connect import listener_url
from postroom.operations.connect.living import ConnectServer
from postroom.operations.connect.requests import keys_of, text_of
from postroom.storage.port import KeptObject, SealedSecret

KIND = "oauth"
ID = "account"
"""There is one for each account."""
MAX_CHARACTERS = 2000
MAX_PARAMETERS = 50
_TEXTS = ("authorizationServerUrl", "clientId", "scope")
_REQUIRED = ("authorizationServerUrl", "clientId")


async def show_oauth(server: ConnectServer, account_id: str) -> Json:
    """Return the account's configuration, without its secret."""
    found = await _kept(server, account_id)
    if found is None:
        raise _missing()
    return found


async def create_oauth(server: ConnectServer, account_id: str, body: Json, *, actor: str) -> Json:
    """Keep a configuration where there is none yet; return it without its secret."""
    if await _kept(server, account_id) is not None:
        raise listener_url.refusal("The account has an OAuth configuration; change it with PUT.")
    return await _keep(server, account_id, body, {}, actor)


async def update_oauth(server: ConnectServer, account_id: str, body: Json, *, actor: str) -> Json:
    """Change the configuration; what is not given stays, the secret too."""
    before = await _kept(server, account_id)
    if before is None:
        raise _missing()
    return await _keep(server, account_id, body, before, actor)


async def delete_oauth(server: ConnectServer, account_id: str, *, actor: str) -> None:
    """Forget the configuration, and take its secret out of use."""
    if not await server.store.drop_object(KIND, account_id, ID):
        raise _missing()
    now = server.clock.now()
    for one in await server.store.secrets():
        if one.id == secret_id(account_id) and (one.retired_at is None or one.retired_at > now):
            noted = keys.noted(now, actor, "retire-client-secret", one)
            await server.store.retire_secret(one.id, now, noted)


def secret_id(account_id: str) -> str:
    """Return the id under which the account's client secret is kept, sealed."""
    return f"client-secret_{account_id}"


async def _keep(
    server: ConnectServer, account_id: str, body: Json, before: Mapping[str, Json], actor: str
) -> Json:
    said = keys_of(body)
    kept = _read(said, before)
    listener_url.check(
        str(kept.get("authorizationServerUrl", "")),
        allow_http_loopback=server.allow_http_loopback,
        allow_private_addresses=server.allow_private_addresses,
        limits=server.limits,
    )
    secret = _text(said, "clientSecret")
    missing = [key for key in _REQUIRED if not kept.get(key)]
    if not before and not secret:
        missing.append("clientSecret")
    if missing:
        raise listener_url.refusal(f"Give {', '.join(missing)}.")
    now = server.clock.now()
    if secret:
        sealed = SealedSecret(
            id=secret_id(account_id),
            account_id=account_id,
            listener=None,
            purpose="client-secret",
            sealed=server.vault.seal(secret),
            fingerprint=server.vault.fingerprint(secret),
            created_at=now,
        )
        noted = keys.noted(now, actor, "put-client-secret", sealed)
        await server.store.put_secret(sealed, noted)
    await server.store.keep_object(
        KeptObject(
            kind=KIND,
            account_id=account_id,
            id=ID,
            body=msgspec.json.encode(kept),
            updated_at=now,
        )
    )
    return kept


def _read(said: Mapping[str, Any], before: Mapping[str, Json]) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for key in _TEXTS:
        text = _text(said, key) if key.lower() in said else before.get(key, "")
        if text:
            kept[key] = text
    custom = said.get("customparameters", before.get("customParameters"))
    if custom:
        if not _is_of_texts(custom):
            raise listener_url.refusal(
                f"customParameters is an object of at most {MAX_PARAMETERS} texts."
            )
        kept["customParameters"] = dict(custom)
    return kept


def _text(said: Mapping[str, Any], key: str) -> str:
    text = text_of(said, key)
    if len(text) > MAX_CHARACTERS:
        raise listener_url.refusal(f"{key} is longer than {MAX_CHARACTERS} characters.")
    return text


def _is_of_texts(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) <= MAX_PARAMETERS
        and all(isinstance(one, str) and len(one) <= MAX_CHARACTERS for one in value.values())
        and all(len(key) <= MAX_CHARACTERS for key in value)
    )


async def _kept(server: ConnectServer, account_id: str) -> dict[str, Json] | None:
    found = await server.store.kept_objects(KIND, account_id, [ID])
    return msgspec.json.decode(found[0].body, type=dict[str, Any]) if found else None


def _missing() -> DocusignError:
    return DocusignError(
        "RESOURCE_NOT_FOUND",
        "The account has no OAuth configuration; create it with POST.",
        status=404,
    )
