"""All envelopes of an account in which something happened, page by page (contract 7.3).

A list goes by the moment an envelope's status changed; a signer among several changes none. So
the envelopes that are still under way are listed beside those that have changed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from postroom.clock import SECOND
from postroom.envelopes.moments import generated_text
from postroom.esign.access import Access
from postroom.esign.account import Accounts, Failure
from postroom.intake import stamps
from postroom.model import Noun

PAGE = 100
"""Envelopes a page: with recipients and fields some hundred kilobytes."""
INCLUDE = "custom_fields,recipients"
UNDER_WAY_DAYS = 365
"""How long before the window an envelope that is still under way may last have changed; by
default Docusign ends one after 120 days."""
UNDER_WAY = "sent,delivered"
MOST_STALE_PAGES = 3
MOST_PAGES = 10_000
"""A million envelopes: three hours, at as many calls an hour as an account has."""
GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Listed(Noun, frozen=True, kw_only=True):
    """An envelope as a list shows it."""

    envelope_id: str
    """Lower case."""
    summary: bytes
    """Its JSON object, with custom fields and recipients."""
    changed_at: int | None


class _Page(msgspec.Struct):
    envelopes: list[msgspec.Raw] = []  # msgspec copies an empty default


class _Head(msgspec.Struct):
    envelopeId: Annotated[str, Meta(pattern=GUID)]  # noqa: N815  # Docusign's own spelling
    statusChangedDateTime: str | None = None  # noqa: N815  # as above


async def touched(
    accounts: Accounts, access: Access, *, since: int, most_pages: int = MOST_PAGES
) -> AsyncIterator[Sequence[Listed] | Failure]:
    """Yield the envelopes that may have lived through something since a moment, a page at a time.

    Ends with a `Failure` where the account tells no more, or goes on beyond `most_pages`. An
    envelope that changes meanwhile may come twice.
    """
    pages = 0
    begun = since - UNDER_WAY_DAYS * 24 * 3600 * SECOND
    windows: tuple[tuple[int, int | None, str], ...] = (
        (max(begun, 0), since, UNDER_WAY),
        (since, None, "any"),
    )
    for first, last, status in windows:
        async for page in _window(accounts, access, first, last, status):
            pages += 1
            if pages > most_pages:
                yield Failure(
                    reason=f"the account tells more than {most_pages * PAGE:,} envelopes; begin"
                    " with a later --since"
                )
                return
            yield page
            if isinstance(page, Failure):
                return


async def named(
    accounts: Accounts, access: Access, envelope_ids: Sequence[str]
) -> frozenset[str] | Failure:
    """Return which of up to `PAGE` envelopes the account knows; drafts and deleted ones count."""
    page = await _page(
        accounts, access, {"envelope_ids": ",".join(envelope_ids), "count": str(PAGE)}
    )
    return page if isinstance(page, Failure) else frozenset(one.envelope_id for one in page)


async def _window(
    accounts: Accounts, access: Access, since: int, until: int | None, status: str
) -> AsyncIterator[Sequence[Listed] | Failure]:
    """Yield those whose status changed in a window, each page going on where the last one ended.

    Not by position alone: an envelope that changes meanwhile goes to the end of the list, and all
    behind it move up by one.
    """
    seen: set[str] = set()
    start = stale = 0
    end = {} if until is None else {"to_date": generated_text(until)}
    while True:
        page = await _page(
            accounts,
            access,
            {
                "from_date": generated_text(since),
                **end,
                "status": status,
                "include": INCLUDE,
                "order_by": "status_changed",
                "order": "asc",
                "count": str(PAGE),
                "start_position": str(start),
            },
        )
        if isinstance(page, Failure):
            yield page
            return
        fresh = [one for one in page if one.envelope_id not in seen]
        yield fresh
        if len(page) < PAGE:
            return
        stale = 0 if fresh else stale + 1
        if stale > MOST_STALE_PAGES:
            yield Failure(reason="the account's list of envelopes does not end")
            return
        last = page[-1].changed_at
        if last is None or last <= since:
            start += len(page)
            seen.update(one.envelope_id for one in page)
        else:
            since, start = last, 0
            seen = {one.envelope_id for one in page}


async def _page(
    accounts: Accounts, access: Access, query: Mapping[str, str]
) -> list[Listed] | Failure:
    body = await accounts.list_page(access, query)
    if isinstance(body, Failure):
        return body
    try:
        return [_listed(raw) for raw in msgspec.json.decode(body, type=_Page).envelopes]
    except _UNREADABLE:
        return Failure(reason="the answer is no list of envelopes; is base_url right?")


def _listed(raw: msgspec.Raw) -> Listed:
    head = msgspec.json.decode(raw, type=_Head)
    return Listed(
        envelope_id=head.envelopeId.lower(),
        summary=bytes(raw),
        changed_at=stamps.moment(head.statusChangedDateTime),
    )
