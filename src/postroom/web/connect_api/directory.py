"""Where the API begins, who the caller is, and which accounts there are."""

from http import HTTPStatus
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from postroom import __version__
from postroom.model import Account
from postroom.operations.connect import accounts_here, callers
from postroom.operations.connect.callers import Credential
from postroom.web.connect_api.answers import answer
from postroom.web.connect_api.reach import Reach
from postroom.web.connect_api.services import ConnectServices


@get("/restapi")
async def service_information(reach: NamedDependency[Reach]) -> Response[bytes]:
    """Say which versions there are, and where."""
    version = {"version": "v2.1", "versionUrl": f"{reach.base_url}/restapi/v2.1"}
    return answer(
        {
            "serviceVersions": [version],
            "buildVersion": __version__,
            "linkedSites": [reach.base_url],
        }
    )


@get("/login_information")
async def login_information(
    services: NamedDependency[ConnectServices],
    credential: NamedDependency[Credential],
    reach: NamedDependency[Reach],
) -> Response[bytes]:
    """Return the caller's accounts, and where the API of each begins."""
    has = callers.memberships(services.registry(), credential)
    return answer(accounts_here.login_information(has, base_url=reach.base_url))


@get("/accounts")
async def list_accounts(
    services: NamedDependency[ConnectServices],
    credential: NamedDependency[Credential],
    reach: NamedDependency[Reach],
) -> Response[bytes]:
    """List the caller's accounts and sub-accounts."""
    has = callers.memberships(services.registry(), credential)
    return answer(accounts_here.list_accounts(has, base_url=reach.base_url))


@post("/accounts")
async def create_account(
    services: NamedDependency[ConnectServices],
    credential: NamedDependency[Credential],
    reach: NamedDependency[Reach],
    said: NamedDependency[Any],
) -> Response[bytes]:
    """Create a sub-account."""
    told = await accounts_here.create_account(
        services.registrar, said, credential=credential, base_url=reach.base_url
    )
    return answer(told, status=HTTPStatus.CREATED)


@get("/")
async def show_account(account: NamedDependency[Account]) -> Response[bytes]:
    """Return one account."""
    return answer(accounts_here.account_information(account))
