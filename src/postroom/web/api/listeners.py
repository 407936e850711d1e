"""Listeners."""

from litestar import delete, get, post
from litestar.di import NamedDependency

from postroom.operations import listeners
from postroom.operations.views import ListenerView, Page
from postroom.web.api.parameters import Account, Name
from postroom.web.api.services import Services


@get("/listeners")
async def list_listeners(
    services: NamedDependency[Services], account: Account = None
) -> Page[ListenerView]:
    """List every listener, or those of one account, with state and backlog."""
    return await listeners.list_listeners(services.store, account=account)


@get("/listeners/{listener:str}")
async def show_listener(
    services: NamedDependency[Services], listener: Name, account: Account = None
) -> ListenerView:
    """Show one listener."""
    return await listeners.show_listener(services.store, listener, account=account)


@post("/listeners/{listener:str}/pause", status_code=200)
async def pause_listener(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    listener: Name,
    account: Account = None,
) -> ListenerView:
    """Send nothing to a listener until it is resumed; what it is owed is kept."""
    return await listeners.pause_listener(
        services.store, listener, account=account, now=services.clock.now(), actor=actor
    )


@post("/listeners/{listener:str}/resume", status_code=200)
async def resume_listener(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    listener: Name,
    account: Account = None,
) -> ListenerView:
    """Send again what a paused listener is owed, in order."""
    return await listeners.resume_listener(
        services.store, listener, account=account, now=services.clock.now(), actor=actor
    )


@delete("/listeners/{listener:str}", status_code=200)
async def remove_listener(
    services: NamedDependency[Services],
    actor: NamedDependency[str],
    listener: Name,
    account: Account = None,
) -> ListenerView:
    """Remove a listener; what it is still owed is dismissed. Answers with it as it was."""
    return await listeners.remove_listener(
        services.store, listener, account=account, now=services.clock.now(), actor=actor
    )
