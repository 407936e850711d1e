"""What is said of two listeners that an envelope reaches both, or may."""

from postroom.model import Lane, Listener
from postroom.operations.checking import finding
from postroom.operations.checking.finding import CheckFinding, Severity
from postroom.operations.checking.subject import Household, Placed
from postroom.routing import words
from postroom.routing.proving.overlap import NotDecided, Overlap

_AS_MEANT = "nothing, if it is meant so"


def is_for_all_users(listener: Listener) -> bool:
    """Tell whether it is a Connect configuration for all users, or for all but some.

    Docusign serves each of those.
    """
    is_for_all = listener.users is None or listener.users.kind == "except"
    return listener.configuration is not None and is_for_all


class Two:
    """Two listeners of one account."""

    def __init__(self, household: Household, one: Placed, other: Placed) -> None:
        self._household = household
        self.one = one
        self.other = other

    @property
    def names(self) -> tuple[str, str]:
        """Their names."""
        return self.one.listener.name, self.other.listener.name

    @property
    def turned(self) -> "Two":
        """The same two the other way round."""
        return Two(self._household, self.other, self.one)

    @property
    def share_lane(self) -> bool:
        """Whether both are in one lane."""
        lane = self.one.listener.lane
        return lane is not None and lane == self.other.listener.lane

    @property
    def lane_holds(self) -> bool:
        """Whether their lane lets at most one of them have an envelope."""
        return self.share_lane and self._lane.on_crossing == "hold"

    @property
    def share_url(self) -> bool:
        """Whether both are sent to one URL."""
        return self.one.listener.url == self.other.listener.url

    @property
    def are_for_all_users(self) -> bool:
        """Whether both are configurations for all users, or for all but some."""
        return is_for_all_users(self.one.listener) and is_for_all_users(self.other.listener)

    def crossing(self, answer: Overlap) -> CheckFinding:
        """Say that an envelope reaches both of one lane: an error unless the lane settles it."""
        lane = self._lane
        who = f"{self._who} of lane {words.clipped(lane.name, 100)} can both get an envelope"
        preferred = next((name for name in lane.prefer if name in self.names), None)
        if lane.on_crossing == "deliver":
            message = f"{who}: both get it, as on_crossing: deliver says"
            return self._finding("overlap", "note", message, _AS_MEANT, answer)
        if preferred is not None:
            message = f"{who}: {words.clipped(preferred, 100)} gets it, as the lane prefers it"
            return self._finding("overlap", "note", message, _AS_MEANT, answer)
        remedy = (
            "make their conditions exclude each other, or let the lane prefer one (prefer: [NAME])"
        )
        return self._finding("overlap", "error", who, remedy, answer)

    def meeting(self, answer: Overlap) -> CheckFinding:
        """Say that an envelope reaches both, which share no lane."""
        message = f"{self._who} can both get an envelope; they share no lane"
        remedy = f"{_AS_MEANT}; else put them into one lane"
        return self._finding("overlap", "note", message, remedy, answer)

    def not_decided(self, answer: NotDecided) -> CheckFinding:
        """Say that nothing is proved: as bad as a crossing may be, and no worse than a warning."""
        is_without_exception = self.one.listener.users is None and self.other.listener.users is None
        is_bad = (self.are_for_all_users and is_without_exception) or (
            self.lane_holds and not set(self.names) & set(self._lane.prefer)
        )
        message = f"whether an envelope reaches both {self._who} is not decided: {answer.why}"
        remedy = "make their conditions simpler, or let both insist on one custom field"
        severity: Severity = "warning" if is_bad else "note"
        return self._finding("overlap-not-decided", severity, message, remedy)

    def for_all_users(self, answer: Overlap) -> CheckFinding:
        """Say that two configurations for all users get the same envelope."""
        where = "to the same URL twice" if self.share_url else "to both URLs"
        excepting = [one for one in (self.one, self.other) if one.listener.users is not None]
        whom = "all users, or all but some" if excepting else "all users"
        message = f"{self._who} are both for {whom}: the same envelope goes {where}"
        remedy = "name the users of one (userIds), or except them in the other (allUsersExcept)"
        return self._finding("all-users-overlap", "warning", message, remedy, answer, "allUsers")

    def twice(self) -> CheckFinding:
        """Say that all the first wants goes to the same URL for the other."""
        first, second = (words.clipped(name, 100) for name in self.names)
        message = f"everything {first} wants is sent to the same URL for {second}: it arrives twice"
        return self._finding("covered", "warning", message, f"remove {first}", key="url")

    def repeated(self, answer: Overlap, count: int) -> CheckFinding:
        """Say of a lane that so many of its proofs rule out two custom fields of one name."""
        pairs = "1 pair is" if count == 1 else f"up to {count} pairs are"
        message = (
            f"lane {words.clipped(self._lane.name, 100)}: {pairs} apart only as long as no envelope"
            f" has two custom fields of one name, such as {finding.named(answer.repeated)}"
        )
        remedy = "have no text and list field of one name in the account"
        return self._finding("repeated-field", "note", message, remedy, answer)

    @property
    def _who(self) -> str:
        return finding.named(self.names)

    @property
    def _lane(self) -> Lane:
        name = self.one.listener.lane or ""
        default = Lane(account_id=self._household.account.id, name=name)
        return self._household.lanes.get(name, default)

    def _finding(  # what a finding on two listeners consists of
        self,
        rule: str,
        severity: Severity,
        message: str,
        remedy: str,
        answer: Overlap | None = None,
        key: str = "lane",
    ) -> CheckFinding:
        return CheckFinding(
            rule=rule,
            severity=severity,
            message=message,
            remedy=remedy,
            account_id=self._household.account.id,
            listeners=self.names,
            lane=self.one.listener.lane if self.share_lane else None,
            path=self.other.at(key),
            witness=finding.view(answer.witness) if answer else None,
        )
