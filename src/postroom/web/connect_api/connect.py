"""What belongs to an account's configurations: their people, HMAC secrets, OAuth (contract 6)."""

from http import HTTPStatus
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency

from postroom.model import Account
from postroom.operations.connect import account_oauth, account_secrets, associations, paging
from postroom.operations.connect.callers import Caller
from postroom.web.connect_api.answers import answer, empty
from postroom.web.connect_api.asking import Id
from postroom.web.connect_api.services import ConnectServices
from postroom.web.connect_api.sign_in import administrators_only

ADMIN = [administrators_only]
Services = NamedDependency[ConnectServices]
Who = NamedDependency[Caller]
Said = NamedDependency[Any]
Asked = NamedDependency[dict[str, str]]


@get("/connect/{connect_id:str}/users", guards=ADMIN)
async def list_associated(
    services: Services, account: NamedDependency[Account], asked: Asked, connect_id: Id
) -> Response[bytes]:
    """List the users a configuration is about."""
    told = associations.list_associated(
        services.registry(), account, connect_id, asked, paging.read(asked)
    )
    return answer(told)


@get("/connect/{connect_id:str}/all/users", guards=ADMIN)
async def list_everybody(
    services: Services,
    account: NamedDependency[Account],
    caller: Who,
    asked: Asked,
    connect_id: Id,
) -> Response[bytes]:
    """List all users, each with whether a configuration is about them."""
    told = associations.list_everybody(
        services.registry(), account, connect_id, asked, paging.read(asked), caller=caller
    )
    return answer(told)


@get("/connect/secret", guards=ADMIN)
async def list_secrets(services: Services, caller: Who) -> Response[bytes]:
    """List the account's HMAC secrets by their fingerprints."""
    return answer(await account_secrets.list_secrets(services.envelopes, caller.account_id))


@post("/connect/secret", guards=ADMIN)
async def add_secret(services: Services, caller: Who) -> Response[bytes]:
    """Make an HMAC secret, and tell it this once."""
    made = await account_secrets.add_secret(
        services.envelopes, caller.account_id, actor=caller.actor
    )
    return answer(made, status=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


@delete("/connect/secret/{key_id:str}", guards=ADMIN, status_code=HTTPStatus.OK)
async def retire_secret(services: Services, caller: Who, key_id: Id) -> Response[bytes]:
    """Take an HMAC secret out of use."""
    await account_secrets.retire_secret(
        services.envelopes, caller.account_id, key_id, actor=caller.actor
    )
    return empty()


@get("/connect/oauth", guards=ADMIN)
async def show_oauth(services: Services, caller: Who) -> Response[bytes]:
    """Return the account's OAuth configuration, without its secret."""
    return answer(await account_oauth.show_oauth(services.envelopes, caller.account_id))


@post("/connect/oauth", guards=ADMIN)
async def create_oauth(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Create the account's OAuth configuration."""
    made = await account_oauth.create_oauth(
        services.envelopes, caller.account_id, said, actor=caller.actor
    )
    return answer(made, status=HTTPStatus.CREATED)


@put("/connect/oauth", guards=ADMIN)
async def update_oauth(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Change the account's OAuth configuration."""
    made = await account_oauth.update_oauth(
        services.envelopes, caller.account_id, said, actor=caller.actor
    )
    return answer(made)


@delete("/connect/oauth", guards=ADMIN, status_code=HTTPStatus.OK)
async def delete_oauth(services: Services, caller: Who) -> Response[bytes]:
    """Delete the account's OAuth configuration."""
    await account_oauth.delete_oauth(services.envelopes, caller.account_id, actor=caller.actor)
    return empty()


ROUTES = (
    list_associated,
    list_everybody,
    list_secrets,
    add_secret,
    retire_secret,
    show_oauth,
    create_oauth,
    update_oauth,
    delete_oauth,
)
