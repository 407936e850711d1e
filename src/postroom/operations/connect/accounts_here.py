"""Accounts and sub-accounts by Docusign's verbs, and which of them a caller has."""

from collections.abc import Sequence
from uuid import uuid4

from postroom.envelopes.moments import rest_text
from postroom.errors import DocusignError
from postroom.model import Account, Json, Registry
from postroom.operations.connect import callers, identities, people, user_views
from postroom.operations.connect.callers import Credential, Membership
from postroom.operations.connect.registrar import Changed, Registrar
from postroom.operations.connect.requests import keys_of, text_of

MOST_ACCOUNTS = 10_000
MOST_NAME_CHARACTERS = 100


def account_information(account: Account) -> Json:
    """Return an account; Connect is always enabled here."""
    active = sum(user.status == identities.ACTIVE for user in account.users)
    return {
        "accountIdGuid": account.id,
        "accountName": account.name,
        "billingPeriodEnvelopesAllowed": "unlimited",
        "canUpgrade": "false",
        "connectPermission": "full",
        "createdDate": rest_text(account.created_at or 0),
        "envelopeSendingBlocked": "false",
        "externalAccountId": identities.account_number(account.id),
        "planName": "Postroom",
        "seatsAllowed": "unlimited",
        "seatsInUse": str(active),
        "suspensionStatus": "",
        **({"parentAccountId": account.parent_id} if account.parent_id else {}),
    }


def list_accounts(has: Sequence[Membership], *, base_url: str) -> Json:
    """Return the accounts of a caller."""
    views = [
        {**_summary(account, base_url), "parentAccountId": account.parent_id or ""}
        for account, _ in has
    ]
    return {"accounts": views, "totalRecords": str(len(views))}


def login_information(has: Sequence[Membership], *, base_url: str) -> Json:
    """Return the caller's accounts as the oldest of the ways to sign in tells them."""
    return {
        "loginAccounts": [
            {
                "accountId": identities.account_number(account.id),
                "accountIdGuid": account.id,
                "baseUrl": account_url(base_url, account.id),
                "isDefault": "true" if number == 0 else "false",
                "name": account.name,
                "userId": user.id,
                "userName": user.name,
                "email": user.email or "",
                "siteDescription": "",
            }
            for number, (account, user) in enumerate(has)
        ]
    }


def user_info(has: Sequence[Membership], *, base_url: str) -> Json:
    """Return who the caller is and which accounts they have (contract 7.2); not for nobody."""
    user = has[0][1]
    said = user_views.said_of(user)
    given, _, family = user.name.partition(" ")
    return {
        "sub": user.id,
        "name": user.name,
        "given_name": said.get("firstName") or given,
        "family_name": said.get("lastName") or family,
        "created": rest_text(user.created_at or 0),
        "email": user.email or "",
        "accounts": [
            {
                "account_id": account.id,
                "is_default": number == 0,
                "account_name": account.name,
                "base_uri": base_url,
            }
            for number, (account, _) in enumerate(has)
        ],
    }


async def create_account(
    registrar: Registrar, body: Json, *, credential: Credential, base_url: str
) -> Json:
    """Create an account, as a sub-account of the caller's first, or of `parentAccountId`.

    `parentAccountId` is ours: Docusign's own way to a sub-account is its administration. Only an
    administrator of the parent may; the initial user administers the new account.
    """
    said = keys_of(body)
    name = people.bounded(text_of(said, "accountName"), "accountName", MOST_NAME_CHARACTERS)
    if not name:
        raise DocusignError("INVALID_REQUEST_PARAMETER", "Give the account's accountName.")
    first = said.get("initialuser")

    def decide(registry: Registry, now: int) -> tuple[Changed, Json]:
        if len(registry.accounts) >= MOST_ACCOUNTS:
            raise DocusignError("ACCOUNT_LACKS_PERMISSIONS", "There are too many accounts here.")
        parent = _parent(registry, credential, text_of(said, "parentAccountId"))
        made = Account(id=str(uuid4()), name=name, parent_id=parent, created_at=now)
        user_id = ""
        if first is not None:
            made, user = people.added(made, {**keys_of(first), "isadmin": "true"}, now)
            user_id = user.id or ""
        details = {"account": made.id, "name": made.name, "parent": parent}
        told = {**_summary(made, base_url), "userId": user_id}
        return Changed(accounts=(made,), details=details), told

    actor = callers.actor(credential, None) or credential.user_id or ""
    return await registrar.change(decide, actor=actor, verb="create-account")


def _parent(registry: Registry, credential: Credential, wanted: str) -> str | None:
    """Return the parent of a new account; None only on a server that has no account yet."""
    if not registry.accounts and credential.token_name is not None:
        return None
    sought = identities.account_named(registry, wanted) if wanted else None
    for account, user in callers.memberships(registry, credential):
        if not wanted or (sought is not None and account.id == sought.id):
            callers.must_administer(user)
            return account.id
    raise DocusignError(
        "ACCOUNT_DOES_NOT_EXIST", "parentAccountId is none of your accounts; list them."
    )


def _summary(account: Account, base_url: str) -> dict[str, Json]:
    return {
        "accountId": identities.account_number(account.id),
        "accountIdGuid": account.id,
        "accountName": account.name,
        "baseUrl": account_url(base_url, account.id),
    }


def account_url(base_url: str, account_id: str) -> str:
    """Return where the API of an account begins."""
    return f"{base_url}/restapi/v2.1/accounts/{account_id}"
