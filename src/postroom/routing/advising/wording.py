"""Advice in words: why an option, what it costs, what is left to do, and why not the others."""

from collections.abc import Iterator

from postroom.model import Noun
from postroom.routing.advising import steps
from postroom.routing.advising.advice import Pair, Placed
from postroom.routing.advising.facts import Facts, Integration
from postroom.routing.advising.steps import Place, Step

OPTIONS = {
    1: "sub-account",
    2: "all listeners, all users",
    3: "envelope custom field",
    4: "associated users",
    5: "listener inside the envelope (eventNotification)",
}
"""The article's five, by its numbers."""


class PassedOver(Noun, frozen=True, kw_only=True):
    """An option not taken, and why not."""

    option: int
    why_not: str


class Recommendation(Noun, frozen=True, kw_only=True):
    """What is advised for one integration."""

    integration: str
    account_id: str
    options: tuple[int, ...]
    """Of the article's five; empty where none can tell its envelopes from others'."""
    name: str
    """The options' names, in words."""
    why: str
    costs: tuple[str, ...]
    to_do: tuple[str, ...]
    """What somebody has to do before it works."""
    passed_over: tuple[PassedOver, ...]


class Advice(Noun, frozen=True, kw_only=True):
    """What is advised for all, how far it is proved, and what stays open."""

    recommendations: tuple[Recommendation, ...]
    pairs: tuple[Pair, ...]
    still_open: tuple[str, ...]


def tell(placed: Placed, facts: Facts) -> Advice:
    """Put in words where the integrations should stand."""
    return Advice(
        recommendations=tuple(_recommend(one, placed, facts) for one in placed.places),
        pairs=placed.pairs,
        still_open=tuple(dict.fromkeys(_open(placed, facts))),
    )


def _recommend(place: Place, placed: Placed, facts: Facts) -> Recommendation:
    one = place.one
    taken = steps.options(place, facts)
    return Recommendation(
        integration=one.name,
        account_id=one.account_id,
        options=taken,
        name=" and ".join(OPTIONS[number] for number in taken) or "none of the five yet",
        why=_why(place, facts),
        costs=tuple(_cost(number, place, facts) for number in taken),
        to_do=tuple(_to_do(place, facts)),
        passed_over=tuple(
            PassedOver(option=number, why_not=_why_not(number, place, placed, facts))
            for number in OPTIONS
            if number not in taken
        ),
    )


def _why(place: Place, facts: Facts) -> str:
    one = place.one
    if place.step in {*steps.BY_USERS, Step.FIELD}:
        return f"{_why_of_senders(place)}{_of_environment(place, facts)}"
    if place.step is Step.EVERYTHING and one.wants_all:
        return "it is about everything, so there is nothing to tell apart; it is in no lane"
    if place.step is Step.MOVE and one.is_strict:
        return "nobody else may see its envelopes, and only an account keeps them strictly apart"
    return _WHY[place.step]


_WHY = {
    Step.OWN_ACCOUNT: "it has the account to itself; accounts are apart before anything is asked",
    Step.AS_IT_IS: "what its listener asks for already tells its envelopes from others'",
    Step.EVERYTHING: "it is the only one of its account, and nothing marks its envelopes",
    Step.ENVELOPE: "whoever creates an envelope by API knows who wants to hear of it",
    Step.MOVE: "nothing tells its envelopes from others' but an account of its own",
    Step.NONE: "who sends, what is set and how its envelopes are created are as for others:"
    " no condition can tell them apart",
}


def _why_of_senders(place: Place) -> str:
    one, senders = place.one, place.one.senders
    field = f"{one.mark.name} = {one.mark.value}" if one.mark else "the environment"
    who = _listed(senders.names)
    match place.step, senders.are_named:
        case Step.USERS, True if senders.are_only_for_it:
            return f"{who} sends for nothing else, and Docusign itself filters by the sender"
        case Step.USERS, True:
            return f"{who} sends for it"
        case Step.REST, _:
            return f"what {who} sends and is not marked for another is its own"
        case Step.USERS, _:
            return "everything that the other integrations' users have not sent is its own"
        case Step.USERS_AND_FIELD, True:
            return f"the user narrows ({who}), the field decides ({field}): both must hold"
        case Step.USERS_AND_FIELD, _:
            return f"{field} decides, but for what other integrations' users send"
        case _:
            return f"people send for it as themselves, and {field} says whose an envelope is"


def _of_environment(place: Place, facts: Facts) -> str:
    if not steps.pins_environment(place.one, facts):
        return ""
    field = facts.account(place.one).environment_field
    return f"; only with {field} = {place.one.environment}"


def _cost(number: int, place: Place, facts: Facts) -> str:
    match number:
        case 1:
            return (
                "an account: its users, templates, custom fields, keys and configurations are its"
                " own, and each is set up and kept up once more"
            )
        case 2:
            return (
                "traffic and trust: it is sent every envelope, with all the data included, and has"
                " to answer 2xx to what it does not care for"
            )
        case 3 if facts.has_postroom:
            return "discipline of senders: the field must be set, and right, on what it is to mark"
        case 3:
            return (
                "discipline of senders, and code in the listener: no Connect configuration filters"
                " by field, so it gets everything, keeps its own and answers 2xx to the rest"
            )
        case 4 if place.step is Step.USERS and place.one.senders.are_named:
            return "a user for it alone, and somebody who keeps the list"
        case 4:
            return "somebody who keeps the list of who sends for whom"
        case _:
            return (
                "a few lines in every call that creates an envelope, and the view from above: no"
                " list shows who is told of what, and what is out cannot be changed"
            )


def _to_do(place: Place, facts: Facts) -> Iterator[str]:
    one = place.one
    if place.step in steps.BY_FIELD and one.mark is not None:
        if one.mark.is_set != "always":
            yield (
                f"set {one.mark.name} = {one.mark.value} on every envelope of it; a field that the"
                " account requires has to be filled in before sending"
            )
        if not facts.has_postroom:
            yield f"let the listener discard what is not marked {one.mark.value}, and answer 2xx"
    by_field = place.step in {*steps.BY_FIELD, Step.REST}
    if by_field or steps.pins_environment(one, facts):
        yield "let the feed include custom_fields; without it nobody can tell"
    if place.step is Step.ENVELOPE:
        yield f"add event-notification-{one.name}.json to the call that creates its envelopes"
    if place.step is Step.MOVE:
        yield (
            "create the account, let its users send there, then name it among accounts: and as"
            f" the account: of {one.name}, and ask again"
        )


def _why_not(number: int, place: Place, placed: Placed, facts: Facts) -> str:
    one = place.one
    match number:
        case 1 if not facts.can_add_account:
            return "a further account is not possible"
        case 1:
            return "it works, and costs an account; the cheaper way is enough"
        case 2:
            return _why_not_everything(one, facts)
        case 3:
            return _why_not_field(place, facts)
        case 4:
            return _why_not_users(place, placed, facts)
        case _ if not one.is_by_api:
            return "not every envelope of it is created by API; one from the web app carries none"
        case _ if not one.can_change_code:
            return "the program that creates its envelopes cannot be changed"
        case _:
            return "it works, and hides who is told of what; what is advised stands in one place"


def _why_not_everything(one: Integration, facts: Facts) -> str:
    rivals = [other.name for other in facts.rivals(one)]
    if rivals:
        return f"it would be sent the envelopes of {_listed(rivals)} and of everyday users too"
    return "it would be sent everyday users' envelopes too"


def _why_not_field(place: Place, facts: Facts) -> str:
    one = place.one
    if one.wants_all:
        return "it would miss what is not marked"
    if one.mark is None and one.also is not None:
        return "what its listener asks for already does not tell it from the others"
    if one.mark is None:
        return "nobody sets a custom field on its envelopes, or could"
    if not steps.can_filter(one, facts):
        return (
            "Docusign does not filter by fields and its listener cannot be changed to discard;"
            " it needs Postroom in front"
        )
    if place.step is Step.NONE:
        return f"{one.mark.name} = {one.mark.value} does not tell it from the others"
    return f"{one.mark.name} = {one.mark.value} would do, but depends on every sender setting it"


def _why_not_users(place: Place, placed: Placed, facts: Facts) -> str:
    one = place.one
    if one.wants_all:
        return "it would miss what others send"
    if not facts.can_administer:
        return "nobody here may make a Connect configuration of the account"
    if not one.senders.are_named:
        return "people send for it as themselves, as they do for much else"
    mine = set(one.senders.names)
    shared = [other.name for other in facts.rivals(one) if mine & set(other.senders.names)]
    if shared:
        return f"the same user sends for {_listed(shared)}"
    if not one.senders.are_only_for_it:
        return f"{_listed(one.senders.names)} sends other envelopes too"
    crossed = [pair for pair in placed.pairs if one.name in {pair.one, pair.other}]
    found = next((pair.reason for pair in crossed if pair.verdict != "apart"), None)
    return found or "it would do; what is advised keeps more apart"


def _open(placed: Placed, facts: Facts) -> Iterator[str]:
    for pair in placed.pairs:
        if pair.verdict != "apart":
            doubt = "is not decided" if pair.verdict == "not-decided" else "can cross"
            yield f"{pair.one} and {pair.other}: {doubt}: {pair.reason}"
    for place in placed.places:
        yield from _open_of(place, facts)
    if all(not one.wants_all for one in facts.integrations):
        yield "envelopes of everybody else reach nobody; `postroom unclaimed` lists them"


def _open_of(place: Place, facts: Facts) -> Iterator[str]:
    one = place.one
    if place.step is Step.NONE:
        way = (
            "a sub-account keeps it apart" if facts.can_add_account else "only a sub-account would"
        )
        yield (
            f"{one.name} is in no file and nothing reaches it: {way}, or a user of its own, a field"
            " that its sender sets, or an eventNotification in its API calls"
        )
    elif place.step is Step.MOVE:
        yield f"{one.name} is in no file until its account is there"
    elif place.step in steps.BY_FIELD and one.mark and one.mark.is_set != "always":
        yield (
            f"envelopes of {one.name} without {one.mark.name} = {one.mark.value} reach nobody;"
            " `postroom unclaimed` lists them"
        )
    if place.step is Step.REST:
        yield f"what {one.name}'s users send for others and forget to mark reaches {one.name}"
    if one.is_strict and place.step not in {Step.MOVE, Step.OWN_ACCOUNT}:
        yield f"{one.name} is to be strictly apart, and shares its account: no account can be added"
    if one.environment and place.is_listening and not steps.pins_environment(one, facts):
        yield (
            f"{one.name} is for {one.environment}, and nobody filters by that: put Postroom in"
            " front, or teach the listener to discard"
        )


def _listed(names: tuple[str, ...] | list[str]) -> str:
    few = 3
    shown = ", ".join(names[:few])
    return shown if len(names) <= few else f"{shown} and {len(names) - few} more"
