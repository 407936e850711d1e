"""What arrived and the account does not know: another environment's traffic, or a forgery."""

import re
from collections.abc import Container, Sequence

from postroom.esign import listing
from postroom.esign.access import Access
from postroom.esign.account import Accounts, Failure
from postroom.model import Noun
from postroom.storage.port import NotificationQuery, Store

PAGE = 500
MOST_FOUND = 1000
_GUID = re.compile(listing.GUID)


class Odd(Noun, frozen=True, kw_only=True):
    """Envelopes of which something arrived, and that the account does not know."""

    unknown: tuple[str, ...]
    problem: str | None
    """Why the account could not be asked about all of them; None where it could."""


async def odd_ones(
    store: Store,
    accounts: Accounts,
    access: Access,
    known: Container[str],
    *,
    since: int,
    until: int,
) -> Odd:
    """Return those that arrived in a window; the account is asked about what is not `known`."""
    found: dict[str, None] = {}
    after = None
    while len(found) < MOST_FOUND:
        page = await store.notifications(
            NotificationQuery(
                account_id=access.account_id,
                received_from=since,
                received_until=until,
                oldest_first=True,
                after=after,
                limit=PAGE,
            )
        )
        ids = dict.fromkeys(
            one.notification.envelope_id for one in page if one.notification.origin == "feed"
        )
        asked = [one for one in ids if one is not None and one not in known and one not in found]
        for start in range(0, len(asked), listing.PAGE):
            unknown = await _unknown(accounts, access, asked[start : start + listing.PAGE])
            if isinstance(unknown, Failure):
                return Odd(unknown=tuple(found), problem=unknown.reason)
            found |= dict.fromkeys(unknown)
        if len(page) < PAGE:
            break
        after = page[-1].sequence
    return Odd(unknown=tuple(found), problem=None)


async def _unknown(
    accounts: Accounts, access: Access, envelope_ids: Sequence[str]
) -> list[str] | Failure:
    """Return those that the account does not know; what is no GUID it cannot know."""
    guids = [one for one in envelope_ids if _GUID.fullmatch(one)]
    there = await listing.named(accounts, access, guids) if guids else frozenset[str]()
    if isinstance(there, Failure):
        return there
    return [one for one in envelope_ids if one not in there]
