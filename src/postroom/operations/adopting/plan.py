"""What adopting an account comes to: one file, one configuration to create, those to switch off."""

import re

from msgspec.structs import replace

from postroom.model import Account, Json, Listener, Noun, Registry
from postroom.operations import drafts
from postroom.operations.adopting import feed
from postroom.operations.adopting.account import Standing, has_room
from postroom.operations.adopting.proof import Proof, Trio, prove
from postroom.operations.adopting.translation import (
    Adopted,
    EmptyMode,
    Left,
    Reading,
    left_alone,
    more_than_asked,
    translate,
)
from postroom.operations.document import (
    GUID,
    NAME_CHARACTERS,
    InvalidDocumentError,
    read,
    written,
)

KEY_ENV = "DOCUSIGN_CONNECT_KEY"
"""The variable that connect.yaml names for the account's HMAC key, which no API tells."""
_STAND_IN = [{"text": "stand-in"}]


class Taken(Noun, frozen=True, kw_only=True):
    """A configuration that is to be switched off, and the proof that nothing is missed."""

    adopted: Adopted
    proof: Proof


class AdoptionPlan(Noun, frozen=True, kw_only=True):
    """All that adopting would do. Nothing is done by making it."""

    account_id: str
    account_name: str
    document: dict[str, Json]
    """The connect.yaml of the gateway; the account's key stands there by `{env: NAME}`."""
    create: dict[str, Json] | None
    """The one configuration to create; None where there is nothing to adopt."""
    switch_off: tuple[Taken, ...]
    left: tuple[Left, ...]
    fields: tuple[str, ...]
    """The custom fields that the account offers: what filters could go by."""
    is_full: bool
    """The account has as many configurations as it may have: the one has no room yet."""


def make(
    standing: Standing, *, gateway_url: str, name: str, empty_mode: EmptyMode | None = None
) -> AdoptionPlan:
    """Return what adopting would do. What is not proved to stay the same is left alone.

    `gateway_url` is where the gateway takes messages in; `name` is the one configuration's.
    """
    readings, left = translate(standing, gateway_url=gateway_url, empty_mode=empty_mode)
    refused: list[Left] = []
    while True:
        create = feed.body(readings, url=gateway_url, name=name)
        document = _document(standing, readings)
        proofs = _proofs(readings, document, create)
        unlike = [one for one in readings if not proofs[one.adopted.connect_id].is_same]
        if not unlike:
            break
        # Without these the one configuration may be less: what stays is proved once more.
        refused += [_refused(one, proofs[one.adopted.connect_id]) for one in unlike]
        readings = tuple(one for one in readings if one not in unlike)
    carried = _feed_listener(create, document)
    return AdoptionPlan(
        account_id=standing.account_id,
        account_name=standing.name,
        document=document,
        create=create if readings else None,
        switch_off=tuple(
            Taken(adopted=_told(one, carried), proof=proofs[one.adopted.connect_id])
            for one in readings
        ),
        left=(*left, *refused),
        fields=standing.fields,
        is_full=not has_room(standing.configurations),
    )


def _told(reading: Reading, carried: Listener) -> Adopted:
    more = tuple(more_than_asked(reading, carried))
    return replace(reading.adopted, differences=(*reading.adopted.differences, *more))


def _document(standing: Standing, readings: tuple[Reading, ...]) -> dict[str, Json]:
    conditions = [one.listener.users for one in readings if one.listener.users]
    groups = {name for one in conditions for name in one.groups}
    ids = {name for one in conditions for name in one.ids}
    account: dict[str, Json] = {"id": standing.account_id}
    if standing.name:
        account["name"] = standing.name[:NAME_CHARACTERS]
    account["keys"] = [{"env": KEY_ENV}]
    users = []
    for user in standing.users:
        is_wanted = user.id in ids or not groups.isdisjoint(user.groups)
        if not is_wanted or not re.fullmatch(GUID, user.id or ""):
            continue
        said: dict[str, Json] = {"id": user.id}
        if user.email and "@" in user.email:
            said["email"] = user.email
        if kept := [name for name in user.groups if name in groups]:
            said["groups"] = kept
        users.append(said)
    if users:
        account["users"] = users
    return {"accounts": [account], "listeners": [one.adopted.listener for one in readings]}


def _refused(reading: Reading, proof: Proof) -> Left:
    return left_alone(
        reading, "; ".join(proof.reasons), "leave it on, or write its listener by hand"
    )


def _drafted(document: dict[str, Json]) -> drafts.Drafts:
    """Return what the gateway makes of the document: the very listeners that it will have."""
    account = document["accounts"][0] | {"keys": _STAND_IN}
    nothing = Registry(revision=0, accounts={}, listeners={}, lanes={})
    return drafts.draft(read(document | {"accounts": [account]}), nothing, allow_private=True)


def _unwritable(document: dict[str, Json]) -> dict[int, str]:
    """Return which listeners connect.yaml cannot have, each with the reason."""
    try:
        _drafted(document)
    except InvalidDocumentError as refused:
        found = {
            one.path[1]: f"connect.yaml cannot say it: {written(one.path[2:])}: {one.message}"
            for one in refused.problems
            if one.path[:1] == ("listeners",) and isinstance(one.path[1], int)
        }
        if not found:
            raise
        return found
    return {}


def _feed_listener(create: dict[str, Json], document: dict[str, Json]) -> Listener:
    return feed.listener(create, Account(id=document["accounts"][0]["id"]))


def _proofs(
    readings: tuple[Reading, ...], document: dict[str, Json], create: dict[str, Json]
) -> dict[str, Proof]:
    if unwritable := _unwritable(document):
        return {
            one.adopted.connect_id: Proof(
                is_same=number not in unwritable, reasons=(unwritable.get(number, ""),)
            )
            for number, one in enumerate(readings)
        }
    drafted = _drafted(document)
    by_name = {one.name: one for one in drafted.listeners}
    carried = _feed_listener(create, document)
    return {
        one.adopted.connect_id: prove(
            drafted.accounts[0],
            Trio(before=one.listener, after=by_name[one.adopted.listener["name"]], feed=carried),
        )
        for one in readings
    }
