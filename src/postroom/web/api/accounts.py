"""Accounts."""

from litestar import get
from litestar.di import NamedDependency

from postroom.operations import accounts
from postroom.operations.views import AccountView, Page
from postroom.web.api.parameters import Name
from postroom.web.api.services import Services


@get("/accounts")
async def list_accounts(services: NamedDependency[Services]) -> Page[AccountView]:
    """List every account, main accounts before their sub-accounts."""
    return await accounts.list_accounts(services.store, now=services.clock.now())


@get("/accounts/{account:str}")
async def show_account(services: NamedDependency[Services], account: Name) -> AccountView:
    """Show one account, by id or name."""
    return await accounts.show_account(services.store, account, now=services.clock.now())
