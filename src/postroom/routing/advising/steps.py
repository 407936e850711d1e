"""The ways in which one integration could be told apart, cheapest first: its ladder of steps."""

from collections.abc import Iterable
from enum import StrEnum

from postroom.model import Json, Listener, Noun, UserCondition
from postroom.routing.advising.facts import Facts, Integration, Mark

LANE = "write-back"
"""The lane of those that must not share."""


class Step(StrEnum):
    """One way to keep an integration apart; the article's five, alone or together."""

    OWN_ACCOUNT = "own account"
    """It has an account to itself already."""
    AS_IT_IS = "as it is"
    """What its listener asks for already is enough."""
    EVERYTHING = "everything"
    USERS = "users"
    FIELD = "field"
    USERS_AND_FIELD = "users and field"
    REST = "users but for fields"
    """All that its users send, but for what is marked for others."""
    ENVELOPE = "envelope"
    """Its listener stands inside each of its envelopes."""
    MOVE = "move"
    """To an account of its own, which has yet to be made."""
    NONE = "none"
    """Nothing that is known tells its envelopes from others'."""


BY_CUSTOM_FIELD = 3
_OPTIONS = {
    Step.OWN_ACCOUNT: (1,),
    Step.AS_IT_IS: (3,),
    Step.EVERYTHING: (2,),
    Step.USERS: (4,),
    Step.FIELD: (3,),
    Step.USERS_AND_FIELD: (4, 3),
    Step.REST: (4, 3),
    Step.ENVELOPE: (5,),
    Step.MOVE: (1,),
    Step.NONE: (),
}
BY_USERS = (Step.USERS, Step.USERS_AND_FIELD, Step.REST)
BY_FIELD = (Step.FIELD, Step.USERS_AND_FIELD)
HERE = (Step.OWN_ACCOUNT, Step.AS_IT_IS, Step.EVERYTHING, *BY_USERS, Step.FIELD)
"""Steps that are a listener of the account."""


class Place(Noun, frozen=True, kw_only=True):
    """Where an integration stands on its ladder."""

    one: Integration
    step: Step

    @property
    def is_listening(self) -> bool:
        """Whether it is a listener of its account."""
        return self.step in HERE


def options(place: Place, facts: Facts) -> tuple[int, ...]:
    """Return the article's numbers of what keeps an integration apart."""
    found = _OPTIONS[place.step]
    by_environment = place.is_listening and pins_environment(place.one, facts)
    return (*found, BY_CUSTOM_FIELD) if by_environment and BY_CUSTOM_FIELD not in found else found


def ladder(one: Integration, facts: Facts) -> tuple[Step, ...]:
    """Return the steps open to an integration, the cheapest first; never empty."""
    if one.wants_all:
        return (Step.EVERYTHING,)
    rivals = facts.rivals(one)
    is_sub_account = facts.account(one).parent_id is not None
    steps: list[Step] = []
    if not rivals and is_sub_account:
        steps.append(Step.OWN_ACCOUNT)
    elif one.is_strict and facts.can_add_account:
        return (Step.MOVE,)
    if facts.can_administer:
        steps += _of_account(one, facts)
    if one.is_by_api and one.can_change_code:
        steps.insert(_place_of_envelope(one, facts, steps), Step.ENVELOPE)
    if facts.can_add_account and rivals:
        steps.append(Step.MOVE)
    elif not rivals and facts.can_administer:
        steps.append(Step.EVERYTHING)
    return tuple(steps) or (Step.NONE,)


def _of_account(one: Integration, facts: Facts) -> list[Step]:
    steps = [] if one.also is None else [Step.AS_IT_IS]
    is_told_by_users = one.senders.are_only_for_it and not one.senders.send_marked_too
    if is_told_by_users and (one.senders.are_named or named_rivals(one, facts)):
        steps.append(Step.USERS)
    if mark(one, facts) is not None:
        steps += [] if one.senders.are_named else [Step.FIELD]
        # Of people who send as themselves: all but the users that others send with.
        if one.senders.are_named or named_rivals(one, facts):
            steps.append(Step.USERS_AND_FIELD)
    elif _is_the_rest(one, facts):
        steps.append(Step.REST)
    elif pins_environment(one, facts) and not steps:
        steps.append(Step.USERS if one.senders.are_named else Step.FIELD)
    return steps


def _is_the_rest(one: Integration, facts: Facts) -> bool:
    """Return whether all that is not marked for others can be taken to be an integration's.

    Not while somebody else's users forget to mark what they send.
    """
    if not (one.senders.are_named and one.senders.are_only_for_it and can_filter(one, facts)):
        return False
    forgetful = (other.mark for other in named_rivals(one, facts))
    is_sure = all(mark is None or mark.is_set != "sometimes" for mark in forgetful)
    return is_sure and bool(_marks_of_others(one, facts))


def _place_of_envelope(one: Integration, facts: Facts, steps: list[Step]) -> int:
    """Return where option 5 comes: before a field that nobody sets and Docusign does not filter."""
    is_unmarked = one.mark is not None and one.mark.is_set == "possible"
    if not facts.has_postroom and is_unmarked:
        return next((at for at, step in enumerate(steps) if step in BY_FIELD), len(steps))
    return len(steps)


def can_filter(one: Integration, facts: Facts) -> bool:
    """Return whether somebody filters by content: Postroom, or the listener itself."""
    return facts.has_postroom or one.can_change_listener


def mark(one: Integration, facts: Facts) -> Mark | None:
    """Return the field by which an integration can be told, where anybody filters by it."""
    return one.mark if can_filter(one, facts) else None


def pins_environment(one: Integration, facts: Facts) -> bool:
    """Return whether its listener asks for the field that tells environments apart."""
    has_field = facts.account(one).environment_field is not None
    return one.environment is not None and has_field and can_filter(one, facts)


def named_rivals(one: Integration, facts: Facts) -> tuple[Integration, ...]:
    """Return the others of its account that send as users one can name."""
    return tuple(other for other in facts.rivals(one) if other.senders.are_named)


def listener(place: Place, facts: Facts, number: int, *, in_lane: bool) -> Listener:
    """Return what an integration asks for where it stands."""
    one, wants_all = place.one, place.step is Step.EVERYTHING
    pinned = pins_environment(one, facts)
    return Listener(
        id=number,
        account_id=one.account_id,
        name=one.name,
        url=one.url,
        events=one.events,
        users=users(one, facts) if place.step in BY_USERS else one.except_users,
        filter=_filter(place, facts),
        comparison=facts.comparison,
        field_policy=facts.field_policy,
        lane=LANE if in_lane and not wants_all else None,
        environment=one.environment if pinned else None,
    )


def envelopes_of(one: Integration, facts: Facts, number: int) -> Listener:
    """Return what would want just an integration's envelopes as they are now, without advice."""
    fields: dict[str, Json] = {
        f"customFields.{name}": {"exists": False} for name in _names_of_marks(one, facts)
    }
    if one.mark is not None and one.mark.is_set != "possible":
        marked: Json = {f"customFields.{one.mark.name}": one.mark.value}
        missing: Json = {f"customFields.{one.mark.name}": {"exists": False}}
        either = {"any": [marked, missing]}
        fields = marked if one.mark.is_set == "always" else either
    if one.environment is not None and (field := facts.account(one).environment_field):
        fields = fields | {f"customFields.{field}": one.environment}
    return Listener(
        id=number,
        account_id=one.account_id,
        name=one.name,
        url=one.url,
        users=users(one, facts),
        filter=fields or None,
        comparison=facts.comparison,
        field_policy=facts.field_policy,
    )


def users(one: Integration, facts: Facts) -> UserCondition | None:
    """Return whose envelopes an integration's are: its users', or all but the others'."""
    said = one.senders
    if said.are_named:
        return UserCondition(kind="only", ids=said.ids, emails=said.emails, groups=said.groups)
    others = [other.senders for other in named_rivals(one, facts)]
    if not others:
        return None
    return UserCondition(
        kind="except",
        ids=_each(other.ids for other in others),
        emails=_each(other.emails for other in others),
        groups=_each(other.groups for other in others),
    )


def _names_of_marks(one: Integration, facts: Facts) -> tuple[str, ...]:
    return tuple({other.mark.name: None for other in facts.rivals(one) if other.mark is not None})


def _marks_of_others(one: Integration, facts: Facts) -> list[Json]:
    marks = [other.mark for other in facts.rivals(one) if other.mark is not None]
    named = dict.fromkeys((mark.name, mark.value) for mark in marks)
    return [{f"customFields.{name}": value} for name, value in named]


def _filter(place: Place, facts: Facts) -> Json:
    one = place.one
    asked: dict[str, Json] = {}
    if place.step is Step.REST:
        others = _marks_of_others(one, facts)
        asked["not"] = others[0] if len(others) == 1 else {"any": others}
    if place.step in BY_FIELD and (known := mark(one, facts)) is not None:
        asked[f"customFields.{known.name}"] = known.value
    if pins_environment(one, facts):
        asked[f"customFields.{facts.account(one).environment_field}"] = one.environment
    return {"all": [one.also, asked]} if one.also and asked else one.also or asked or None


def _each(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for some in lists for text in some))
