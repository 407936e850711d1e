"""Who calls Docusign's REST paths, and what that lets them do."""

from http import HTTPStatus

from postroom.errors import DocusignError
from postroom.model import Account, Noun, Registry, User
from postroom.operations.connect import identities


class Credential(Noun, frozen=True, kw_only=True):
    """What a request proved about who sends it: one of the two."""

    token_name: str | None = None
    """The name of the API token it carried."""
    act_as: str | None = None
    """With an API token: the user, by id or address, that it asks to act as."""
    user_id: str | None = None
    """The user that an OAuth access token was given to."""
    scopes: frozenset[str] = frozenset()


class Caller(Noun, frozen=True, kw_only=True):
    """A user who calls, in the account the call is about."""

    user_id: str
    name: str
    email: str
    account_id: str = ""
    """The account of the path; "" for a call that is about none."""
    account_ids: tuple[str, ...]
    """All accounts that the user may call about."""
    is_admin: bool
    scopes: frozenset[str]
    actor: str
    """Whom the audit log names."""


def caller_in(registry: Registry, credential: Credential, account: str) -> Caller:
    """Return who calls about an account, named by GUID or number.

    Raises `DocusignError`: ACCOUNT_DOES_NOT_EXIST (404) to an administrator of this server,
    USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT (401) to everybody else who is not a member, whether
    the account exists or not.
    """
    found = identities.account_named(registry, account)
    if found is None and credential.token_name is not None:
        raise DocusignError(
            "ACCOUNT_DOES_NOT_EXIST",
            "There is no such account here; add it to connect.yaml, or list the accounts.",
            status=HTTPStatus.NOT_FOUND,
        )
    user = None if found is None else _member(found, credential)
    if found is None or user is None:
        raise DocusignError(
            "USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT",
            "The user is not an active member of the account; /oauth/userinfo lists theirs.",
            status=HTTPStatus.UNAUTHORIZED,
        )
    return _caller(registry, credential, user, found.id)


def caller_anywhere(registry: Registry, credential: Credential) -> Caller:
    """Return who calls about no account in particular.

    Raises `DocusignError` AUTHORIZATION_INVALID_TOKEN for a user who is a member of none.
    """
    for account in _ordered(registry):
        user = _member(account, credential)
        if user is not None:
            return _caller(registry, credential, user, "")
    raise DocusignError(
        "AUTHORIZATION_INVALID_TOKEN",
        "The user of this token is not an active member of any account here.",
        status=HTTPStatus.UNAUTHORIZED,
    )


def must_administer(caller: Caller) -> None:
    """Raise `DocusignError` USER_NOT_ACCOUNT_ADMIN unless the caller administers the account.

    Docusign publishes the code, not its status; 403 is what it means (contract 6.2, 6.4).
    """
    if not caller.is_admin:
        raise DocusignError(
            "USER_NOT_ACCOUNT_ADMIN",
            "Only an administrator of the account may do this; ask one, or sign in as one.",
            status=HTTPStatus.FORBIDDEN,
        )


def _member(account: Account, credential: Credential) -> User | None:
    if credential.token_name is not None and credential.act_as is None:
        return identities.administrator(account)
    wanted = credential.user_id if credential.token_name is None else credential.act_as
    found = identities.find(account, wanted or "")
    return found if found is not None and found.status == identities.ACTIVE else None


def _caller(registry: Registry, credential: Credential, user: User, account_id: str) -> Caller:
    whose = user.email or user.id or ""
    is_token = credential.token_name is not None
    return Caller(
        user_id=user.id or "",
        name=user.name,
        email=user.email or "",
        account_id=account_id,
        account_ids=tuple(
            one.id for one in _ordered(registry) if _member(one, credential) is not None
        ),
        is_admin=user.is_admin,
        scopes=credential.scopes,
        actor=f"{credential.token_name} as {whose}" if is_token else whose,
    )


def _ordered(registry: Registry) -> list[Account]:
    """Return main accounts before their sub-accounts."""
    return sorted(
        registry.accounts.values(), key=lambda one: (one.parent_id or one.id, one.parent_id or "")
    )
