"""An envelope that nobody here has heard of: what to check, and what there is to see of it."""

import re

from postroom.model import Registry
from postroom.operations.views import moment
from postroom.routing import words
from postroom.storage.port import NotificationQuery, Rejection, Store

MOST_REJECTIONS = 1000
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def checks(store: Store, registry: Registry, envelope: str, account: str | None) -> list[str]:
    """Return in sentences what explains that nothing came of an envelope, the likeliest first."""
    found: list[str] = []
    if not _GUID.fullmatch(envelope):
        found.append("an envelope's id is a GUID, and this is none; copy it from Docusign")
    found += await _elsewhere(store, envelope, account)
    accounts = [account] if account is not None else list(registry.accounts)[:20]
    for one in accounts:
        found += await _feed(store, one)
    found += await _refused(store, account)
    found += await _unreadable(store, account)
    found.append(
        "`postroom reconcile` asks the account itself what happened and never arrived here"
    )
    return found


async def _elsewhere(store: Store, envelope: str, account: str | None) -> list[str]:
    if account is None:
        return []
    rows = await store.notifications(NotificationQuery(envelope_id=envelope, limit=1))
    if not rows:
        return []
    return [
        (
            f"it is known of account {rows[0].notification.account_id}: ask for that one, "
            "or leave --account out"
        )
    ]


async def _feed(store: Store, account: str) -> list[str]:
    rows = await store.notifications(NotificationQuery(account_id=account, limit=1))
    if not rows:
        return [
            (
                f"nothing has ever come for account {account}: is there a Connect configuration "
                "that points here, is it active, and does it ask for any events?"
            )
        ]
    at = moment(rows[0].notification.received_at)
    return [f"the last notification of account {account} came at {at}"]


async def _refused(store: Store, account: str | None) -> list[str]:
    rows = await store.rejections(after=None, limit=MOST_REJECTIONS)
    own = [one for _, one in rows if account is None or one.account_id in {account, None}]
    if not own:
        return []
    return [
        (
            f"refused at the front door: {len(own)}, the last at {moment(own[0].at)}: "
            f"{cause(own[0])}; `postroom rejections` lists them"
        )
    ]


def cause(one: Rejection) -> str:
    """Say why a message was refused."""
    hint = f" ({one.hint})" if one.hint else ""
    return words.clipped(f"{one.reason}{hint}", 300)


async def _unreadable(store: Store, account: str | None) -> list[str]:
    rows = await store.notifications(
        NotificationQuery(account_id=account, only="unreadable", limit=1)
    )
    if not rows:
        return []
    return [
        (
            "some signed messages could not be read, so their envelope is not known, the last at "
            f"{moment(rows[0].notification.received_at)}; `postroom unreadable` lists them"
        )
    ]
