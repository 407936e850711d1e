"""The users, groups and custom fields of an account."""

from http import HTTPStatus
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency

from postroom.model import Account
from postroom.operations.connect import account_fields, groups, paging, people
from postroom.operations.connect.callers import Caller
from postroom.operations.connect.requests import texts_of
from postroom.web.connect_api.answers import answer, empty
from postroom.web.connect_api.asking import Id
from postroom.web.connect_api.services import ConnectServices
from postroom.web.connect_api.sign_in import administrators_only

ADMIN = [administrators_only]
Services = NamedDependency[ConnectServices]
Who = NamedDependency[Caller]
Said = NamedDependency[Any]
Asked = NamedDependency[dict[str, str]]


@get("/users")
async def list_users(
    services: Services, account: NamedDependency[Account], asked: Asked
) -> Response[bytes]:
    """List users."""
    return answer(people.list_users(services.registry(), account, asked, paging.read(asked)))


@post("/users", guards=ADMIN)
async def add_users(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Add users."""
    told = await people.add_users(services.registrar, caller.account_id, said, actor=caller.actor)
    return answer(told, status=HTTPStatus.CREATED)


@put("/users", guards=ADMIN)
async def update_users(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Change users."""
    return answer(
        await people.update_users(services.registrar, caller.account_id, said, actor=caller.actor)
    )


@delete("/users", guards=ADMIN, status_code=HTTPStatus.OK)
async def close_users(services: Services, caller: Who, said: Said, asked: Asked) -> Response[bytes]:
    """Close users; `delete=Groups` takes them out of their groups too."""
    leaves = {one.lower() for one in texts_of(asked, "delete")}
    told = await people.close_users(
        services.registrar,
        caller.account_id,
        said,
        leaves_groups="groups" in leaves,
        actor=caller.actor,
    )
    return answer(told)


@get("/users/{user_id:str}")
async def show_user(
    services: Services, account: NamedDependency[Account], user_id: Id
) -> Response[bytes]:
    """Return one user."""
    return answer(people.show_user(services.registry(), account, user_id))


@put("/users/{user_id:str}", guards=ADMIN)
async def update_user(services: Services, caller: Who, said: Said, user_id: Id) -> Response[bytes]:
    """Change one user."""
    told = await people.update_user(
        services.registrar, caller.account_id, user_id, said, actor=caller.actor
    )
    return answer(told)


@get("/groups")
async def list_groups(account: NamedDependency[Account], asked: Asked) -> Response[bytes]:
    """List groups."""
    return answer(groups.list_groups(account, asked, paging.read(asked)))


@post("/groups", guards=ADMIN)
async def add_groups(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Add groups."""
    told = await groups.add_groups(services.registrar, caller.account_id, said, actor=caller.actor)
    return answer(told, status=HTTPStatus.CREATED)


@put("/groups", guards=ADMIN)
async def rename_groups(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Rename groups."""
    return answer(
        await groups.rename_groups(services.registrar, caller.account_id, said, actor=caller.actor)
    )


@delete("/groups", guards=ADMIN, status_code=HTTPStatus.OK)
async def remove_groups(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Remove groups."""
    return answer(
        await groups.remove_groups(services.registrar, caller.account_id, said, actor=caller.actor)
    )


@get("/groups/{group_id:str}/users")
async def list_members(
    account: NamedDependency[Account], asked: Asked, group_id: Id
) -> Response[bytes]:
    """List a group's users."""
    return answer(groups.list_members(account, group_id, paging.read(asked)))


@put("/groups/{group_id:str}/users", guards=ADMIN)
async def add_members(services: Services, caller: Who, said: Said, group_id: Id) -> Response[bytes]:
    """Put users into a group."""
    told = await groups.change_members(
        services.registrar, caller.account_id, group_id, said, is_in=True, actor=caller.actor
    )
    return answer(told)


@delete("/groups/{group_id:str}/users", guards=ADMIN, status_code=HTTPStatus.OK)
async def remove_members(
    services: Services, caller: Who, said: Said, group_id: Id
) -> Response[bytes]:
    """Take users out of a group."""
    told = await groups.change_members(
        services.registrar, caller.account_id, group_id, said, is_in=False, actor=caller.actor
    )
    return answer(told)


@get("/custom_fields")
async def list_fields(account: NamedDependency[Account]) -> Response[bytes]:
    """List the account's custom fields."""
    return answer(account_fields.list_fields(account))


@post("/custom_fields", guards=ADMIN)
async def add_field(services: Services, caller: Who, said: Said) -> Response[bytes]:
    """Add a custom field."""
    told = await account_fields.add_field(
        services.registrar, caller.account_id, said, actor=caller.actor
    )
    return answer(told, status=HTTPStatus.CREATED)


@put("/custom_fields/{field_id:str}", guards=ADMIN)
async def change_field(
    services: Services, caller: Who, said: Said, field_id: Id
) -> Response[bytes]:
    """Change a custom field."""
    told = await account_fields.change_field(
        services.registrar, caller.account_id, field_id, said, actor=caller.actor
    )
    return answer(told)


@delete("/custom_fields/{field_id:str}", guards=ADMIN, status_code=HTTPStatus.OK)
async def remove_field(services: Services, caller: Who, field_id: Id) -> Response[bytes]:
    """Remove a custom field."""
    await account_fields.remove_field(
        services.registrar, caller.account_id, field_id, actor=caller.actor
    )
    return empty()


ROUTES = (
    list_users,
    add_users,
    update_users,
    close_users,
    show_user,
    update_user,
    list_groups,
    add_groups,
    rename_groups,
    remove_groups,
    list_members,
    add_members,
    remove_members,
    list_fields,
    add_field,
    change_field,
    remove_field,
)
