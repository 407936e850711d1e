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
    account_id: str
    """The account of the path, by its GUID in lower case."""
    account_ids: tuple[str, ...]
    """All accounts that the user may call about."""
    is_admin: bool
    scopes: frozenset[str]
    actor: str
    """Whom the audit log names."""


Membership = tuple[Account, User]
"""An account, and who the caller is in it."""


def memberships(registry: Registry, credential: Credential) -> tuple[Membership, ...]:
    """Return the accounts of whoever a credential is about, main accounts before sub-accounts."""
    ordered = sorted(
        registry.accounts.values(),
        key=lambda one: (one.parent_id or one.id, one.parent_id or "", one.id),
    )
    found = ((account, _member(account, credential)) for account in ordered)
    return tuple((account, user) for account, user in found if user is not None)


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
    return Caller(
        user_id=user.id or "",
        name=user.name,
        email=user.email or "",
        account_id=found.id,
        account_ids=tuple(one.id for one, _ in memberships(registry, credential)),
        is_admin=user.is_admin,
        scopes=credential.scopes,
        actor=actor(credential, user),
    )


def actor(credential: Credential, user: User | None) -> str:
    """Return whom the audit log names."""
    whose = (user.email or user.id or "") if user is not None else ""
    return " as ".join(filter(None, (credential.token_name, whose)))


def must_administer(user: Caller | User) -> None:
    """Raise `DocusignError` USER_NOT_ACCOUNT_ADMIN unless the user administers the account.

    Docusign publishes the code, not its status; 403 is what it means (contract 6.2, 6.4).
    """
    if not user.is_admin:
        raise DocusignError(
            "USER_NOT_ACCOUNT_ADMIN",
            "Only an administrator of the account may do this; ask one, or sign in as one.",
            status=HTTPStatus.FORBIDDEN,
        )


def _member(account: Account, credential: Credential) -> User | None:
    if credential.token_name is None:
        wanted = identities.by_id(account, credential.user_id or "")
    elif credential.act_as is not None:
        wanted = identities.find(account, credential.act_as)
    else:
        return identities.administrator(account)
    return wanted if wanted is not None and wanted.status == identities.ACTIVE else None
