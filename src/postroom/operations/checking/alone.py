"""What can be said of each listener by itself."""

from collections.abc import Iterator

from postroom import vocabulary
from postroom.model import Account, Listener
from postroom.operations.checking import finding, reading
from postroom.operations.checking.finding import CheckFinding
from postroom.operations.checking.subject import Household, Placed
from postroom.routing import guard, words
from postroom.routing.proving.overlap import Apart, Overlap, Prover


def findings(household: Household, placed: Placed, prover: Prover) -> Iterator[CheckFinding]:
    """Yield what is odd about one listener."""
    yield from _impossible(household, placed, prover)
    yield from _switches(household, placed)
    yield from _groups(household, placed)
    yield from _environment(household, placed, prover)
    if placed.path is None:  # a document's are told in their place, as they are spelt there
        for event in placed.listener.events:
            if event not in vocabulary.EVENTS:
                name, account_id = placed.listener.name, household.account.id
                yield reading.unknown_event(event, name, account_id, None)


def _impossible(household: Household, placed: Placed, prover: Prover) -> Iterator[CheckFinding]:
    listener = placed.listener
    answer = prover.possible(listener)
    if isinstance(answer, Apart):
        is_off = not listener.is_active
        unless = " (unless a field is there twice)" if answer.is_by_single_names else ""
        yield CheckFinding(
            rule="impossible",
            severity="note" if is_off else "warning",
            message=f"no envelope can reach {_name(listener)}: {answer.reason}{unless}",
            remedy=f"{'switch it on' if is_off else 'correct its conditions'}, or remove it",
            account_id=household.account.id,
            listeners=(listener.name,),
            path=placed.at("filter"),
        )


def _switches(household: Household, placed: Placed) -> Iterator[CheckFinding]:
    listener = placed.listener
    is_docusigns = listener.configuration is not None
    if not listener.acknowledgement:
        key = "requiresAcknowledgement" if is_docusigns else "acknowledgement"
        yield CheckFinding(
            rule="acknowledgement-off",
            severity="warning" if is_docusigns else "note",
            message=f"{_name(listener)}: what fails is sent once and never again",
            remedy=f'write "{key}": "true"' if is_docusigns else f"write {key}: true",
            account_id=household.account.id,
            listeners=(listener.name,),
            path=placed.at(key),
        )
    if not listener.is_logged:
        yield CheckFinding(
            rule="logging-off",
            severity="warning",
            message=f"{_name(listener)}: Docusign's log shows neither messages nor failures",
            remedy='write "enableLog": "true"',
            account_id=household.account.id,
            listeners=(listener.name,),
            path=placed.at("enableLog"),
        )


def _groups(household: Household, placed: Placed) -> Iterator[CheckFinding]:
    listener, account = placed.listener, household.account
    known = {group.name for group in account.groups}
    known |= {group for user in account.users for group in user.groups}
    groups = listener.users.groups if listener.users else ()
    unknown = tuple(one for one in groups if one not in known)
    if not unknown:
        return
    is_docusigns = listener.configuration is not None
    yield CheckFinding(
        rule="unknown-group",
        severity="note" if household.is_stand_in else "warning",
        message=f"{_name(listener)}: who is in group {finding.named(unknown)} is not known",
        remedy="what depends on it is not decided; name users instead to have it proved"
        if household.is_stand_in
        else "list its users under the account (users: …)",
        account_id=account.id,
        listeners=(listener.name,),
        path=placed.at("groupIds" if is_docusigns else "users"),
    )


def _environment(household: Household, placed: Placed, prover: Prover) -> Iterator[CheckFinding]:
    listener, account = placed.listener, household.account
    if listener.environment is None:
        return
    if account.environment_field is None:
        yield _of_environment(
            placed,
            account,
            f"{_name(listener)} is labelled {listener.environment}, but account "
            f"{finding.owner(account)} names no environment_field: the label keeps nothing apart",
            "give the account an environment_field: the custom field that tells environments apart",
            is_note=household.is_stand_in,
        )
    elif (complaint := guard.check(account, listener)) is not None:
        message, _, remedy = complaint.partition("; ")
        yield _of_environment(placed, account, message, remedy, prover=prover)


def _of_environment(  # what is said, of whom
    placed: Placed,
    account: Account,
    message: str,
    remedy: str,
    *,
    is_note: bool = False,
    prover: Prover | None = None,
) -> CheckFinding:
    witness = None
    if prover is not None:
        answer = prover.outside(placed.listener, _only_environment(account, placed.listener))
        witness = finding.view(answer.witness) if isinstance(answer, Overlap) else None
    return CheckFinding(
        rule="environment",
        severity="note" if is_note else "error",
        message=message,
        remedy=remedy,
        account_id=account.id,
        listeners=(placed.listener.name,),
        path=placed.at("environment"),
        witness=witness,
    )


def _only_environment(account: Account, listener: Listener) -> Listener:
    """Return one who wants all that is of the environment: who reaches past it, is outside."""
    return Listener(
        id=0,
        account_id=account.id,
        name="environment",
        url=listener.url,
        filter={f"customFields.{account.environment_field}": listener.environment},
        field_policy=listener.field_policy,
    )


def _name(listener: Listener) -> str:
    return words.clipped(listener.name, 100)
