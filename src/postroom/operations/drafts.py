"""A document checked against everything it must fit, and turned into the nouns it stands for."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from postroom import signature, vocabulary
from postroom.delivery import egress, retry
from postroom.model import Account, Lane, Listener, Noun, Registry, User, UserCondition
from postroom.operations import enrichment_draft
from postroom.operations.document import (
    GUID,
    AccountPart,
    ConnectDocument,
    InvalidDocumentError,
    KeyPart,
    ListenerPart,
    Problem,
    UsersPart,
    plain,
)
from postroom.routing import filters, guard

Path = tuple[str | int, ...]
_EXTRAS_OF_XML = ("time_zone", "void_reason")
"""What Docusign adds to XML only when asked, and without which its moments mean nothing."""
_WHOSE = "write a user's id, an e-mail address, or a group of the account's users"


class Drafts(Noun, frozen=True, kw_only=True):
    """What a document wants to be there, and what is odd about it though not wrong."""

    accounts: tuple[Account, ...]
    lanes: tuple[Lane, ...]
    listeners: tuple[Listener, ...]
    warnings: tuple[str, ...]


def draft(document: ConnectDocument, registry: Registry, *, allow_private: bool) -> Drafts:
    """Return what a document stands for, beside what the registry has already.

    Raises `InvalidDocumentError` with every problem.
    """
    drafting = _Drafting(document, registry, allow_private=allow_private)
    drafts = drafting.run()
    if drafting.problems:
        raise InvalidDocumentError(drafting.problems)
    return drafts


class _Drafting:
    def __init__(
        self, document: ConnectDocument, registry: Registry, *, allow_private: bool
    ) -> None:
        self._document = document
        self._registry = registry
        self._allow_private = allow_private
        self.problems: list[Problem] = []
        self._warnings: list[str] = []
        self._accounts: dict[str, Account] = dict(registry.accounts)

    def run(self) -> Drafts:
        accounts = tuple(
            self._account(part, ("accounts", number))
            for number, part in enumerate(self._document.accounts)
        )
        self._accounts |= {account.id: account for account in accounts}
        self._check_parents(accounts)
        listeners = tuple(
            drafted
            for number, part in enumerate(self._document.listeners)
            if (drafted := self._listener(part, ("listeners", number))) is not None
        )
        lanes = tuple(self._lanes(listeners))
        self._check_unique(accounts, listeners)
        self._check_unique_lanes()
        self._check_keys()
        self._warn_of_lonely_lanes(listeners)
        return Drafts(
            accounts=accounts,
            lanes=lanes,
            listeners=listeners,
            warnings=tuple(dict.fromkeys(self._warnings)),
        )

    def _complain(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path=path, message=message))

    def _account(self, part: AccountPart, path: Path) -> Account:
        account_id = part.id.lower()
        if part.enrichment is not None:
            self.problems += enrichment_draft.problems(
                part.enrichment, (*path, "enrichment"), allow_private=self._allow_private
            )
        for number, user in enumerate(part.users):
            if user.id is None and user.email is None:
                self._complain((*path, "users", number), "give the user's id, email or both")
        before = self._registry.accounts.get(account_id)
        return Account(
            id=account_id,
            name=part.name,
            parent_id=part.parent.lower() if part.parent else None,
            is_unsigned=part.unsigned,
            users=_users(part, before),
            groups=before.groups if before else (),
            fields=before.fields if before else (),
            created_at=before.created_at if before else None,
            environment_field=part.environment_field,
            enrichment=enrichment_draft.enrichment_of(part.enrichment, account_id),
        )

    def _check_parents(self, accounts: tuple[Account, ...]) -> None:
        for number, account in enumerate(accounts):
            path: Path = ("accounts", number, "parent")
            above, seen = account.parent_id, {account.id}
            if above is not None and (above == account.id or above not in self._accounts):
                self._complain(path, "name another account of this file or of the system")
                continue
            while above in self._accounts and above not in seen:
                seen.add(above)
                above = self._accounts[above].parent_id
            if above in seen:
                self._complain(path, "the account is its own parent by way of this one")

    def _named(self, named: str, path: Path) -> Account | None:
        found = [
            one for one in self._accounts.values() if named.lower() == one.id or named == one.name
        ]
        if len(found) == 1:
            return found[0]
        self._complain(
            (*path, "account"),
            "several accounts have this name; give the id" if found else "there is no such account",
        )
        return None

    def _listener(self, part: ListenerPart, path: Path) -> Listener | None:
        account = self._named(part.account, path)
        complaint = egress.check_url(part.url, allow_private=self._allow_private)
        if complaint is not None:
            self._complain((*path, "url"), complaint)
        complaint = retry.check(part.retry)
        if complaint is not None:
            self._complain((*path, "retry"), complaint)
        if part.format in {"pass-through", "xml"} and (part.include is not None or part.mask):
            what = "include" if part.include is not None else "mask"
            self._complain((*path, what), f"{what} needs format: sim, or aggregate")
        condition = plain(part.filter)
        if condition is not None:
            for one in filters.check(condition):
                self._complain((*path, "filter", *one.path), one.message)
        if account is None:
            return None
        listener = Listener(
            id=0,
            account_id=account.id,
            name=part.name,
            url=part.url,
            events=tuple(dict.fromkeys(self._event(event, part.name) for event in part.events)),
            users=self._users(part.users, account, (*path, "users")) if part.users else None,
            filter=condition,
            extras=_EXTRAS_OF_XML if part.format == "xml" else (),
            **{name: getattr(part, name) for name in _SAME},
        )
        self._guard(listener, account, path)
        return listener

    def _guard(self, listener: Listener, account: Account, path: Path) -> None:
        if any(one.path[: len(path)] == path for one in self.problems):
            return  # a filter that is wrong anyway says nothing of environments
        complaint = guard.check(account, listener)
        if complaint is not None:
            self._complain((*path, "environment"), complaint)

    def _event(self, name: str, listener: str) -> str:
        known = vocabulary.canonical(name)
        if known is not None:
            return known
        meant = vocabulary.suggest(name)
        hint = f"; did you mean {meant}?" if meant else ""
        self._warnings.append(f"listener {listener}: {name!r} is not a known event{hint}")
        return name.lower()

    def _users(self, part: UsersPart, account: Account, path: Path) -> UserCondition | None:
        if (part.only is None) == (part.except_ is None):
            self._complain(path, "give either only or except")
            return None
        is_only = part.only is not None
        entries = part.only or part.except_ or ()
        ids, emails, groups = [], [], []
        known_groups = {group for user in account.users for group in user.groups}
        for number, entry in enumerate(entries):
            if "@" in entry:
                emails.append(entry.lower())
            elif re.fullmatch(GUID, entry):
                ids.append(entry.lower())
            elif entry in known_groups:
                groups.append(entry)
            else:
                close = difflib.get_close_matches(entry, known_groups, n=1)
                hint = f"did you mean {close[0]}?" if close else _WHOSE
                self._complain(
                    (*path, "only" if is_only else "except", number),
                    f"no user of the account is in a group {entry!r}; {hint}",
                )
        return UserCondition(
            kind="only" if is_only else "except",
            ids=tuple(ids),
            emails=tuple(emails),
            groups=tuple(groups),
        )

    def _lanes(self, listeners: tuple[Listener, ...]) -> Iterator[Lane]:
        everyone: Mapping[tuple[str, str], str | None] = {
            (one.account_id, one.name): one.lane
            for one in (*self._registry.listeners.values(), *listeners)
        }
        for number, part in enumerate(self._document.lanes):
            path: Path = ("lanes", number)
            account = self._named(part.account, path)
            if account is None:
                continue
            for place, preferred in enumerate(part.prefer):
                if everyone.get((account.id, preferred)) != part.name:
                    self._complain(
                        (*path, "prefer", place), f"{preferred!r} is no listener of this lane"
                    )
            yield Lane(
                account_id=account.id,
                name=part.name,
                on_crossing=part.on_crossing,
                prefer=part.prefer,
            )

    def _check_unique(self, accounts: tuple[Account, ...], listeners: tuple[Listener, ...]) -> None:
        seen: set[object] = set()
        for number, account in enumerate(accounts):
            if account.id in seen:
                self._complain(("accounts", number, "id"), "this account stands here twice")
            seen.add(account.id)
        for number, listener in enumerate(listeners):
            owner = (listener.account_id, listener.name)
            if owner in seen:
                self._complain(
                    ("listeners", number, "name"), "the account has a listener of this name already"
                )
            seen.add(owner)

    def _check_unique_lanes(self) -> None:
        seen: set[tuple[str, str]] = set()
        for number, part in enumerate(self._document.lanes):
            named = [one.id for one in self._accounts.values() if one.name == part.account]
            owner = (named[0] if named else part.account.lower(), part.name)
            if owner in seen:
                self._complain(("lanes", number, "name"), "this lane stands here twice")
            seen.add(owner)

    def _check_keys(self) -> None:
        owners: dict[str, tuple[AccountPart | ListenerPart, ...]] = {
            "accounts": self._document.accounts,
            "listeners": self._document.listeners,
        }
        for kind, parts in owners.items():
            for number, part in enumerate(parts):
                for place, key in enumerate(part.keys):
                    self._check_key(key, (kind, number, "keys", place))

    def _check_key(self, key: KeyPart, path: Path) -> None:
        complaint = signature.check_key(key.text)
        if complaint is not None:
            self._complain((*path, "text"), complaint)

    def _warn_of_lonely_lanes(self, listeners: tuple[Listener, ...]) -> None:
        everyone = {(one.account_id, one.name): one for one in self._registry.listeners.values()}
        everyone |= {(one.account_id, one.name): one for one in listeners}
        members = Counter((one.account_id, one.lane) for one in everyone.values() if one.lane)
        for (_, lane), count in members.items():
            if count == 1:
                self._warnings.append(f"lane {lane} has one listener only, so nothing can cross")


_SAME = (
    "comparison",
    "field_policy",
    "lane",
    "mode",
    "environment",
    "format",
    "include",
    "mask",
    "retry",
    "acknowledgement",
    "timeout_seconds",
    "connect_timeout_seconds",
    "concurrency",
    "ordering",
    "breaker_threshold",
    "probe_seconds",
)
"""Fields of a listener that stand in the file as they are kept."""


def _users(part: AccountPart, before: Account | None) -> tuple[User, ...]:
    """Return the users a document names, and those that Docusign's paths have added.

    What is known of a user besides the document's words is kept.
    """
    known = before.users if before else ()
    by_id = {user.id: user for user in known if user.id}
    by_email = {user.email.lower(): user for user in known if user.email}
    named: list[User] = []
    for said in part.users:
        user_id = said.id.lower() if said.id else None
        same = by_id.get(user_id) if user_id else by_email.get((said.email or "").lower())
        named.append(replace(same or User(), id=user_id, email=said.email, groups=said.groups))
    ids = {user.id for user in named}
    emails = {(user.email or "").lower() for user in named if not user.id}
    added = (
        user
        for user in known
        if user.created_at is not None
        and user.id not in ids
        and (user.email or "").lower() not in emails
    )
    return (*named, *added)
