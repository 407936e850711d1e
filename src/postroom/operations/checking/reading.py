"""A document of connect.yaml, or Docusign's own configurations, as what `check` looks at."""

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from postroom import vocabulary
from postroom.envelopes import given
from postroom.errors import DocusignError, InvalidInputError
from postroom.model import Account, Group, Json, Listener, Registry, User
from postroom.operations import document as connect_document
from postroom.operations import drafts
from postroom.operations.checking.finding import CheckFinding, Place
from postroom.operations.checking.subject import Household, Kind, Placed, Subject
from postroom.operations.connect import configuration
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.connect.requests import keys_of, texts_of
from postroom.operations.document import GUID, ConnectDocument, InvalidDocumentError

NOWHERE = Account(id="00000000-0000-4000-8000-000000000000", name="the account")
"""Whose configurations are checked: their JSON does not say."""
_SECRETS = {"keys", "enrichment"}
_ALWAYS_IN_XML = frozenset({"custom_fields", "recipients"})


def kind_of(document: Json) -> Kind | None:
    """Return what a decoded document is, or None for what `check` cannot read."""
    if isinstance(document, list):
        return "Connect configurations"
    if not isinstance(document, Mapping):
        return None
    keys = {str(key).lower() for key in document}
    if keys & {"accounts", "lanes", "listeners"}:
        return "connect.yaml"
    return "Connect configurations" if keys & {"configurations", "urltopublishto"} else None


# --- connect.yaml -----------------------------------------------------------------------------


def of_document(document: Json, known: Registry) -> Subject:
    """Return the listeners of a connect.yaml.

    An account that it does not define is one of those `known`, or else a stand-in without users.
    Raises `InvalidDocumentError` with every problem that keeps it from being read.
    """
    given.check(document)
    read = connect_document.read(_without_secrets(document))
    stand_ins = dict(_stand_ins(read, known))
    registry = replace(known, accounts=known.accounts | stand_ins, listeners={}, lanes={})
    drafted = _drafted(read, registry)
    listeners = [
        Placed(listener=replace(one, id=number + 1), path=("listeners", number))
        for number, one in enumerate(drafted.listeners)
    ]
    defined = {one.id: one for one in drafted.accounts}
    owners = dict.fromkeys((*defined, *(one.listener.account_id for one in listeners)))
    return Subject(
        kind="connect.yaml",
        households=tuple(
            Household(
                # Who is in which group is not known: the stand-in's user was for the names alone.
                account=replace(stand_ins[one], users=())
                if one in stand_ins
                else (defined.get(one) or known.accounts[one]),
                lanes={lane.name: lane for lane in drafted.lanes if lane.account_id == one},
                listeners=tuple(each for each in listeners if each.listener.account_id == one),
                is_stand_in=one in stand_ins,
            )
            for one in owners
        ),
        findings=(*_unknown_events(read), *_undefined(stand_ins, listeners)),
    )


def _without_secrets(document: Json) -> Json:
    """Leave out what only `apply` needs: what a key is does not matter here."""
    if not isinstance(document, Mapping):
        return document
    made = dict(document)
    for kind in ("accounts", "listeners"):
        if isinstance(entries := made.get(kind), list):
            made[kind] = [
                {key: value for key, value in one.items() if key not in _SECRETS}
                if isinstance(one, Mapping)
                else one
                for one in entries
            ]
    return made


def _stand_ins(read: ConnectDocument, known: Registry) -> Iterator[tuple[str, Account]]:
    there = {name for one in read.accounts for name in (one.id.lower(), one.name)}
    there |= {name for one in known.accounts.values() for name in (one.id, one.name)}
    users = [one.users for one in read.listeners if one.users is not None]
    entries = {name for one in users for name in (*(one.only or ()), *(one.except_ or ()))}
    groups = sorted(one for one in entries if "@" not in one and not re.fullmatch(GUID, one))
    named = [*(one.account for one in read.listeners), *(one.account for one in read.lanes)]
    for name in dict.fromkeys(named):
        if name not in there and name.lower() not in there:
            anybody = (User(groups=tuple(groups)),)
            yield name.lower(), Account(id=name.lower(), name=name, users=anybody)


def _drafted(read: ConnectDocument, registry: Registry) -> drafts.Drafts:
    """Return the drafts, also where a listener's environment is not kept apart.

    `apply` refuses that; here it is a finding, with an envelope that shows it.
    """
    try:
        return drafts.draft(read, registry, allow_private=True)
    except InvalidDocumentError as refused:
        of_environments = [one for one in refused.problems if one.path[2:] == ("environment",)]
        if len(of_environments) < len(refused.problems):
            raise
    places = {one.path[1] for one in of_environments}
    listeners = tuple(
        one.model_copy(update={"environment": None}) if number in places else one
        for number, one in enumerate(read.listeners)
    )
    drafted = drafts.draft(
        read.model_copy(update={"listeners": listeners}), registry, allow_private=True
    )
    kept = tuple(
        replace(one, environment=said.environment)
        for one, said in zip(drafted.listeners, read.listeners, strict=True)
    )
    return replace(drafted, listeners=kept)


def _unknown_events(read: ConnectDocument) -> Iterator[CheckFinding]:
    for number, listener in enumerate(read.listeners):
        for place, event in enumerate(listener.events):
            if vocabulary.canonical(event) is None:
                path = ("listeners", number, "events", place)
                yield unknown_event(event, listener.name, None, path)


def unknown_event(
    event: str, listener: str, account: str | None, path: Place | None
) -> CheckFinding:
    """Return the finding on an event outside the vocabulary, with the likely right name."""
    meant = vocabulary.suggest(event)
    return CheckFinding(
        rule="unknown-event",
        severity="warning",
        message=f"{event[:100]!r} is not a known event",
        remedy=f"did you mean {meant}?" if meant else "check its spelling",
        account_id=account,
        listeners=(listener,),
        path=path,
    )


def _undefined(stand_ins: Mapping[str, Account], listeners: list[Placed]) -> Iterator[CheckFinding]:
    for account in stand_ins.values():
        first = next((one for one in listeners if one.listener.account_id == account.id), None)
        yield CheckFinding(
            rule="unknown-account",
            severity="note",
            message=f"the file does not define account {account.name[:100]!r}",
            remedy="put it under accounts: with its users, or read over what is not decided",
            account_id=account.id,
            path=first.at("account") if first else ("lanes",),
        )


# --- Connect configurations -------------------------------------------------------------------


def of_configurations(document: Json) -> Subject:
    """Return the listeners of what `GET /accounts/{id}/connect` answers, of a list, or of one.

    Raises `InvalidInputError` for anything else.
    """
    given.check(document)
    listeners: list[Placed] = []
    findings: list[CheckFinding] = []
    groups: set[str] = set()
    includes: set[str] = set()
    for path, body in _entries(document):
        try:
            listener = _configured(body, len(listeners) + 1)
        except DocusignError as refused:
            findings.append(_unusable(path, str(refused)))
            continue
        unknown = (one for one in listener.events if one not in vocabulary.EVENTS)
        findings += [unknown_event(one, listener.name, None, (*path, "events")) for one in unknown]
        if listener.is_active:
            includes.update(_carried(listener))
        groups.update(listener.users.groups if listener.users else ())
        listeners.append(Placed(listener=listener, path=path))
    household = Household(account=NOWHERE, lanes={}, listeners=tuple(listeners), is_stand_in=True)
    return Subject(
        kind="Connect configurations",
        households=(household,),
        findings=tuple(findings),
        includes=frozenset(includes),
    )


def _entries(document: Json) -> Iterator[tuple[Place, Json]]:
    if isinstance(document, Mapping):
        wrapped = [key for key in document if str(key).lower() == "configurations"]
        if not wrapped:
            yield (), document
            return
        path: Place = (wrapped[0],)
        document = document[wrapped[0]]
    else:
        path = ()
    if not isinstance(document, list):
        raise InvalidInputError(
            "this is no list of Connect configurations, as GET /accounts/{id}/connect answers one"
        )
    yield from (((*path, number), one) for number, one in enumerate(document))


def _configured(body: Json, number: int) -> Listener:
    said = keys_of(body)
    connect_id = str(said.get("connectid") or number)[:40]
    # Its groups are taken to be there; who is in them is for the prover not to know.
    groups = tuple(Group(id=one, name=one) for one in texts_of(said, "groupIds"))
    read = configuration.read(
        body,
        account=replace(NOWHERE, groups=groups),
        connect_id=connect_id,
        limits=ConnectLimits(),
        allow_http_loopback=True,
        allow_private_addresses=True,
    )
    name = f"{read.echo['name']} ({connect_id})"
    return replace(read.listener, id=number, name=name)


def _carried(listener: Listener) -> frozenset[str]:
    """Return the includes whose content it brings; XML always has some (contract 3.3)."""
    return frozenset(listener.include or ()).union(
        _ALWAYS_IN_XML if listener.format == "xml" else ()
    )


def _unusable(path: Place, sentence: str) -> CheckFinding:
    return CheckFinding(
        rule="unusable",
        severity="error",
        message=f"Docusign would refuse this configuration: {sentence}",
        remedy="correct it; `postroom lint` says more",
        path=path,
    )
