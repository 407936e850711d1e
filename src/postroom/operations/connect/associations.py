"""Option 4 as Docusign's paths show it: whose envelopes a configuration is about."""

from collections.abc import Mapping

from postroom.errors import DocusignError
from postroom.model import Account, Json, Listener, Registry
from postroom.operations.connect import paging, people, user_views
from postroom.operations.connect.callers import Caller
from postroom.operations.connect.paging import Paging
from postroom.operations.connect.requests import truth_of


def list_associated(
    registry: Registry, account: Account, connect_id: str, asked: Mapping[str, str], paged: Paging
) -> Json:
    """Return a page of the users a configuration is about.

    `list_included_users=false` asks for the others instead.
    """
    listener = _named(registry, account, connect_id)
    is_included = truth_of(asked, "list_included_users", default=True)
    found = [
        user
        for user in people.chosen(account, people.read_filter(asked))
        if user_views.is_wanted(listener, user) == is_included
    ]
    views = [user_views.short_view(user) for user in paging.part(found, paged)]
    path = f"/accounts/{account.id}/connect/{connect_id}/users"
    page = paging.page("users", views, total=len(found), paging=paged, path=path)
    return {"allUsersSelected": user_views.lower(value=listener.users is None), **page}


def list_everybody(
    registry: Registry,
    account: Account,
    connect_id: str,
    asked: Mapping[str, str],
    paged: Paging,
    *,
    caller: Caller,
) -> Json:
    """Return a page of all users, each with whether a configuration is about them.

    `domain_users_only` asks for those of the caller's own e-mail domain.
    """
    listener = _named(registry, account, connect_id)
    found = people.chosen(account, people.read_filter(asked))
    if truth_of(asked, "domain_users_only"):
        own = caller.email.rpartition("@")[2].lower()
        found = [one for one in found if (one.email or "").rpartition("@")[2].lower() == own]
    views = [
        {
            "userId": user.id,
            "userName": user.name,
            "email": user.email or "",
            "isIncluded": user_views.lower(value=user_views.is_wanted(listener, user)),
        }
        for user in paging.part(found, paged)
    ]
    path = f"/accounts/{account.id}/connect/{connect_id}/all/users"
    return paging.page("users", views, total=len(found), paging=paged, path=path)


def _named(registry: Registry, account: Account, connect_id: str) -> Listener:
    for one in registry.listeners.values():
        if (
            one.account_id == account.id
            and one.scope == "account"
            and one.configuration is not None
            and one.configuration["connectId"] == connect_id
        ):
            return one
    raise DocusignError(
        "RESOURCE_NOT_FOUND",
        f"The account has no Connect configuration {connect_id[:40]}; list them to find its id.",
        status=404,
    )
