"""What is kept of an account, as a comparison with the account asks for it."""

from postroom.model import is_xml
from postroom.storage.port import NotificationQuery, Store

PAGE = 500


class Kept:
    """The notifications of one account."""

    def __init__(self, store: Store, account_id: str) -> None:
        self._store = store
        self.account_id = account_id

    async def arrived(self, envelope_id: str) -> frozenset[tuple[str, str | None]]:
        """Return what is kept of an envelope, as (event, recipient id); made-up events too."""
        found: set[tuple[str, str | None]] = set()
        after = None
        while True:
            page = await self._store.notifications(
                NotificationQuery(
                    account_id=self.account_id, envelope_id=envelope_id, after=after, limit=PAGE
                )
            )
            found.update((one.notification.event, one.notification.recipient_id) for one in page)
            if len(page) < PAGE:
                return frozenset(found)
            after = page[-1].sequence

    async def has_told(self, event: str) -> bool:
        """Tell whether the feed has ever told such an event, as far as is kept."""
        return bool(
            await self._store.notifications(
                NotificationQuery(account_id=self.account_id, events=(event,), limit=1)
            )
        )

    async def is_xml_feed(self) -> bool:
        """Tell whether the feed tells states in XML: by the last that came of it."""
        newest = await self._store.notifications(
            NotificationQuery(account_id=self.account_id, limit=PAGE)
        )
        for one in newest:
            if one.notification.origin == "feed":
                return is_xml(b"", one.notification.content_type)
        return False
