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
from postroom.storage.port import AuditEntry, KeptObject, SealedSecret, Store

KIND = "oauth"
ID = "account"
"""There is one for each account."""
MAX_CHARACTERS = 2000
MAX_PARAMETERS = 50
ELSEWHERE = (
    "Give clientSecret beside a new authorizationServerUrl: the one that is kept is not sent there."
)
"""Or whoever may change the URL could have the secret told to a server of theirs."""
_TEXTS = ("authorizationServerUrl", "clientId", "scope")
_REQUIRED = ("authorizationServerUrl", "clientId")


async def show_oauth(server: ConnectServer, account_id: str) -> Json:
    """Return the account's configuration, without its secret."""
    found = await kept(server.store, account_id)
    if found is None:
        raise _missing()
    return found


async def create_oauth(server: ConnectServer, account_id: str, body: Json, *, actor: str) -> Json:
    """Keep a configuration where there is none yet; return it without its secret."""
    if await kept(server.store, account_id) is not None:
        raise listener_url.refusal("The account has an OAuth configuration; change it with PUT.")
    return await _keep(server, account_id, body, {}, actor)


async def update_oauth(server: ConnectServer, account_id: str, body: Json, *, actor: str) -> Json:
    """Change the configuration; what is not given stays, the secret too."""
    before = await kept(server.store, account_id)
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
    await _in_force(server, account_id, "delete-oauth", actor)


async def kept(store: Store, account_id: str) -> dict[str, Json] | None:
    """Return an account's configuration as it is kept, or None where there is none."""
    found = await store.kept_objects(KIND, account_id, [ID])
    return msgspec.json.decode(found[0].body, type=dict[str, Any]) if found else None


def is_elsewhere(said: Mapping[str, Json], before: Mapping[str, Json]) -> bool:
    """Tell whether a `ConnectOAuthConfig` sends its secret to another URL than before."""
    url = before.get("authorizationServerUrl")
    return bool(url) and said.get("authorizationServerUrl") != url


def secret_id(account_id: str) -> str:
    """Return the id under which the account's client secret is kept, sealed."""
    return f"client-secret_{account_id}"


async def _keep(
    server: ConnectServer, account_id: str, body: Json, before: Mapping[str, Json], actor: str
) -> Json:
    said = keys_of(body)
    read = _read(said, before)
    listener_url.check(
        str(read.get("authorizationServerUrl", "")),
        allow_http_loopback=server.allow_http_loopback,
        allow_private_addresses=server.allow_private_addresses,
        limits=server.limits,
    )
    secret = _text(said, "clientSecret")
    missing = [key for key in _REQUIRED if not read.get(key)]
    if not before and not secret:
        missing.append("clientSecret")
    if missing:
        raise listener_url.refusal(f"Give {', '.join(missing)}.")
    if not secret and is_elsewhere(read, before):
        raise listener_url.refusal(ELSEWHERE)
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
            body=msgspec.json.encode(read),
            updated_at=now,
        )
    )
    await _in_force(server, account_id, "update-oauth" if before else "create-oauth", actor)
    return read


async def _in_force(server: ConnectServer, account_id: str, verb: str, actor: str) -> None:
    """Have every node read the configuration anew: an object moves no revision, a change does."""
    details = {"account": account_id}
    audit = AuditEntry(at=server.clock.now(), actor=actor, verb=verb, details=details)
    await server.store.change([], audit)
    await server.refresh()


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


def _missing() -> DocusignError:
    return DocusignError(
        "RESOURCE_NOT_FOUND",
        "The account has no OAuth configuration; create it with POST.",
        status=404,
    )
