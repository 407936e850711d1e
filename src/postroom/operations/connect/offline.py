"""What offline mode has ready, so that an SDK's first call works within a minute of installing."""

from postroom.model import Account, Group, Noun, User
from postroom.storage.port import AuditEntry, KeptObject, NotificationQuery, PutAccount, Store

ACCOUNT_ID = "0ff11e00-0000-4000-8000-000000000001"
_USER = "0ff11e00-0000-4000-9000-000000000{}"
GROUP = Group(id="9100001", name="Integrations")
CLOCK = "clock"
"""The kind of kept object that says when the clock was left."""


class Ready(Noun, frozen=True, kw_only=True):
    """The account that offline mode makes, and who is in it."""

    account_id: str
    administrator: User
    senders: tuple[User, ...]


def _user(number: str, first: str, last: str, *, is_admin: bool = False, group: str = "") -> User:
    return User(
        id=_USER.format(number),
        email=f"{first}.{last}@example.com".lower(),
        name=f"{first} {last}",
        is_admin=is_admin,
        groups=(group,) if group else (),
        profile={"firstName": first, "lastName": last},
    )


ADMINISTRATOR = _user("001", "Ada", "Administrator", is_admin=True)
SENDERS = (
    _user("123", "Sam", "Sender", group=GROUP.name),
    _user("567", "Erin", "Everyday"),
)


async def ensure_account(store: Store, *, now: int) -> Ready:
    """See that the offline account is there; what was changed of it since stays."""
    registry = await store.registry()
    if ACCOUNT_ID not in registry.accounts:
        account = Account(
            id=ACCOUNT_ID,
            name="Offline",
            users=(ADMINISTRATOR, *SENDERS),
            groups=(GROUP,),
            created_at=now,
        )
        entry = AuditEntry(
            at=now, actor="postroom", verb="make-offline-account", details={"account": ACCOUNT_ID}
        )
        await store.change([PutAccount(account=account)], entry)
    return Ready(account_id=ACCOUNT_ID, administrator=ADMINISTRATOR, senders=SENDERS)


async def time_left(store: Store) -> int:
    """Return the moment at which time stood when it was kept, or something was last told.

    An offline clock that was moved ahead goes on from there: what happens next is later.
    """
    kept = await store.kept_objects(CLOCK, "", ("offline",))
    told = await store.notifications(NotificationQuery(limit=1))
    moments = [one.updated_at for one in kept] + [one.notification.received_at for one in told]
    return max(moments, default=0)


async def keep_time(store: Store, now: int) -> None:
    """Keep the moment it is, for `time_left`."""
    await store.keep_object(
        KeptObject(kind=CLOCK, account_id="", id="offline", body=b"{}", updated_at=now)
    )
