"""Option 4, associated users: whose envelopes a listener wants, by the sending user.

A sender is known by id (contract 7.6) in every message, by e-mail only where the feed carries an
envelopeSummary. The account's directory of users translates between the two.
"""

from postroom.model import Account, Finding, Noun, Truth, User, UserCondition
from postroom.routing import paths, truth, words
from postroom.routing.content import Content

_ID = paths.Path(text="sender.userId", root="sender", segments=("userId",))
_EMAIL = paths.Path(text="sender.email", root="sender", segments=("email",))


class Sender(Noun, frozen=True, kw_only=True):
    """What is known of who sent: an id, e-mail addresses, or neither."""

    id: str | None
    emails: frozenset[str]
    is_email_known: bool
    doubt: str | None


class Directory:
    """An account's users by e-mail, by id and by group: built once for all its listeners."""

    def __init__(self, account: Account) -> None:
        ids: dict[str, list[str]] = {}
        emails: dict[str, set[str]] = {}
        # A group with an id is known to be there, even while nobody is in it.
        members: dict[str, list[User]] = {group.name: [] for group in account.groups}
        for user in account.users:
            if user.id and user.email:
                ids.setdefault(_email(user.email), []).append(_id(user.id))
                emails.setdefault(_id(user.id), set()).add(_email(user.email))
            for group in user.groups:
                members.setdefault(group, []).append(user)
        self.ids_by_email = ids
        self.emails_by_id = {user_id: frozenset(known) for user_id, known in emails.items()}
        self.members = members

    def sender(self, content: Content) -> Sender:
        """Return what a message says of who sent, completed by what is known here."""
        by_id, by_email = content.look(_ID), content.look(_EMAIL)
        sender_id = by_id.values[0] if by_id.values else None
        emails = frozenset(map(_email, by_email.values))
        if sender_id is None and len(emails) == 1:
            ids = self.ids_by_email.get(next(iter(emails)), [])
            # Several users may share an address; then it does not say which of them it was.
            sender_id = ids[0] if len(ids) == 1 else None
        if not emails and sender_id is not None:
            emails = self.emails_by_id.get(sender_id, frozenset())
        return Sender(
            id=sender_id, emails=emails, is_email_known=bool(emails), doubt=by_email.doubt
        )

    def sender_by_id(self, content: Content) -> Sender | None:
        """Return the sender by the id alone, without looking for an address; None without one."""
        ids = content.look(_ID).values
        if not ids:
            return None
        return Sender(id=ids[0], emails=frozenset(), is_email_known=False, doubt=None)


class CompiledUsers:
    """A user condition against one account's directory, ready to decide."""

    def __init__(self, condition: UserCondition, directory: Directory) -> None:
        self._condition = condition
        self._directory = directory
        emails = frozenset(map(_email, condition.emails))
        members = [user for group in condition.groups for user in directory.members.get(group, ())]
        self._wanted_ids = frozenset(
            [_id(user_id) for user_id in condition.ids]
            + [user_id for email in emails for user_id in directory.ids_by_email.get(email, ())]
            + [_id(user.id) for user in members if user.id]
        )
        self._wanted_emails = frozenset(
            email for email in emails if email not in directory.ids_by_email
        ) | frozenset(_email(user.email) for user in members if user.email and not user.id)
        # A group without members is more likely a directory that nobody filled in.
        self._unknown_groups = [
            group for group in condition.groups if group not in directory.members
        ]
        self._is_by_id_alone = not self._wanted_emails and not self._unknown_groups

    @property
    def is_only(self) -> bool:
        """Whether it wants these users; otherwise all but these."""
        return self._condition.kind == "only"

    @property
    def wanted_ids(self) -> frozenset[str]:
        """The ids of the users named, through the directory where it knows them."""
        return self._wanted_ids

    @property
    def wanted_emails(self) -> frozenset[str]:
        """The addresses of the users named whose ids are not known."""
        return self._wanted_emails

    @property
    def has_unknown_groups(self) -> bool:
        """Whether it names a group of which nothing is known: nobody is surely outside it."""
        return bool(self._unknown_groups)

    def decide(self, content: Content) -> Truth:
        """Return whether the sender is among the users wanted, or is not excepted."""
        if self._is_by_id_alone:
            # The common case, without looking for an e-mail address.
            values = content.look(_ID).values
            if values:
                is_among = values[0] in self._wanted_ids
                is_wanted = is_among == (self._condition.kind == "only")
                return Truth.YES if is_wanted else Truth.NO
        return self._decide(self._directory.sender(content))

    def finding(self, content: Content) -> Finding:
        """Return the same with the condition in words and the sender seen."""
        sender = self._directory.sender(content)
        decided = self._decide(sender)
        return Finding(
            truth=decided,
            condition=self.describe(),
            seen=_named(sender),
            hint=self._doubt(sender) if decided is Truth.UNKNOWN else None,
        )

    def describe(self) -> str:
        """Return the condition in words."""
        condition = self._condition
        named = [
            *(self._user_in_words(user_id) for user_id in condition.ids),
            *condition.emails,
            *(f"group {group}" for group in condition.groups),
        ]
        whom = ", ".join(named[: words.MOST_ENTRIES]) or "nobody"
        more = len(named) - words.MOST_ENTRIES
        whom += f" and {more} more" if more > 0 else ""
        verb = "only users" if condition.kind == "only" else "all users except"
        return words.clipped(f"{verb} {whom}", words.LONGEST_SENTENCE)

    def _decide(self, sender: Sender) -> Truth:
        among = self._among(sender)
        return among if self._condition.kind == "only" else truth.negation(among)

    def _among(self, sender: Sender) -> Truth:
        if sender.id in self._wanted_ids or sender.emails & self._wanted_emails:
            return Truth.YES
        if not self._wanted_ids and not self._wanted_emails and not self._unknown_groups:
            return Truth.NO
        is_id_open = sender.id is None and bool(self._wanted_ids)
        is_email_open = not sender.is_email_known and bool(self._wanted_emails)
        if is_id_open or is_email_open or self._unknown_groups:
            return Truth.UNKNOWN
        return Truth.NO

    def _doubt(self, sender: Sender) -> str:
        if self._unknown_groups:
            group = words.clipped(self._unknown_groups[0], words.LONGEST_TEXT)
            return f"no user of the account's directory is in group {group}; add its users"
        return sender.doubt or "the message does not say who sent the envelope"

    def _user_in_words(self, user_id: str) -> str:
        emails = self._directory.emails_by_id.get(_id(user_id))
        return min(emails) if emails else user_id


def _id(text: str) -> str:
    return text.strip().lower()


def _email(text: str) -> str:
    return text.strip().casefold()


def _named(sender: Sender) -> str | None:
    known = [*sorted(sender.emails), sender.id]
    shown = [words.clipped(text, words.LONGEST_TEXT) for text in known if text]
    return " ".join(shown) or None
