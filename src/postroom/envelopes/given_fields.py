"""Custom fields as a client gives them: of a new envelope, and changed later (contract 7.4)."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec.structs import replace

from postroom.envelopes.envelope import CustomField
from postroom.envelopes.given import Given, body_error, check, parameter_error, text_of
from postroom.envelopes.limits import DEFAULT, Limits
from postroom.errors import DocusignError
from postroom.model import AccountField, Json, Noun

Kind = Literal["text", "list"]
_LISTS: tuple[tuple[Kind, str], ...] = (("text", "textCustomFields"), ("list", "listCustomFields"))
_FIRST_ID = 10_480_000_001
_ID_CHARACTERS = 50
_CONFIGURATION_TYPE_CHARACTERS = 100
_MAX_ITEMS = 2_048


class ReadFields(Noun, frozen=True, kw_only=True):
    """An envelope's custom fields after a change, and those that the request named."""

    fields: tuple[CustomField, ...]
    named: tuple[CustomField, ...]


def entries(said: Given | None, limits: Limits) -> list[tuple[Kind, Given]]:
    """Return each entry of a `customFields` object with its kind."""
    if said is None:
        return []
    found: list[tuple[Kind, Given]] = []
    for kind, key in _LISTS:
        found.extend((kind, one) for one in said.children(key, most=limits.fields))
    return found


def new_fields(
    given: Iterable[tuple[Kind, Given]], account_fields: Sequence[AccountField], limits: Limits
) -> tuple[CustomField, ...]:
    """Return the fields of a new envelope: those given, then the account's others with defaults.

    A field is the account's if it has its name, or its id; it then has the account's rules.
    """
    fields: list[CustomField] = []
    for kind, said in given:
        own = _of_account(said, account_fields, limits)
        base = _default(own) if own is not None else None
        fields.append(_field(kind, said, base, fields, limits))
    names = {field.name for field in fields}
    fields.extend(_default(own) for own in account_fields if own.name not in names)
    _check_set(fields, limits)
    return tuple(fields)


def read_custom_fields(
    body: Json,
    fields: tuple[CustomField, ...],
    *,
    is_adding: bool,
    account_fields: Sequence[AccountField] = (),
    limits: Limits = DEFAULT,
) -> ReadFields:
    """Return an envelope's fields after POST (`is_adding`) or PUT of its `custom_fields`.

    PUT changes the fields it names by `fieldId` or by name; POST adds, and changes those whose
    name is there. Raises `DocusignError` for what cannot be, INVALID_CUSTOM_FIELD_ID for a PUT of
    a field that is not there.
    """
    check(body)
    changed = list(fields)
    named: list[CustomField] = []
    for kind, said in entries(Given(body, ""), limits):
        index = _index(said, changed, limits)
        if index is None and not is_adding:
            raise _unknown(said)
        if index is None:
            own = _of_account(said, account_fields, limits)
            base = _default(own) if own is not None else None
            named.append(_field(kind, said, base, changed, limits))
            changed.append(named[-1])
        else:
            changed[index] = _field(changed[index].kind, said, changed[index], changed, limits)
            named.append(changed[index])
    _check_set(changed, limits)
    return ReadFields(fields=tuple(changed), named=tuple(named))


def remove_custom_fields(
    body: Json, fields: tuple[CustomField, ...], *, limits: Limits = DEFAULT
) -> ReadFields:
    """Return an envelope's fields after DELETE of those a body names by `fieldId` or by name."""
    check(body)
    left = list(fields)
    named: list[CustomField] = []
    for _, said in entries(Given(body, ""), limits):
        index = _index(said, left, limits)
        if index is None:
            raise _unknown(said)
        named.append(left.pop(index))
    return ReadFields(fields=tuple(left), named=tuple(named))


def _of_account(
    said: Given, account_fields: Sequence[AccountField], limits: Limits
) -> AccountField | None:
    name = said.text("name", most=limits.field_characters)
    field_id = said.text("fieldId", most=_ID_CHARACTERS)
    for own in account_fields:
        if own.name == name or (not name and own.id == field_id):
            return own
    return None


def _default(own: AccountField) -> CustomField:
    return CustomField(
        id=own.id,
        name=own.name,
        value=own.value,
        kind=own.kind,
        is_required=own.is_required,
        is_shown=own.is_shown,
        items=own.items,
    )


def _index(said: Given, fields: Sequence[CustomField], limits: Limits) -> int | None:
    field_id = said.text("fieldId", most=_ID_CHARACTERS)
    name = said.text("name", most=limits.field_characters)
    for index, field in enumerate(fields):
        if field.id == field_id if field_id else field.name == name:
            return index
    return None


def _field(
    kind: Kind,
    said: Given,
    base: CustomField | None,
    others: Sequence[CustomField],
    limits: Limits,
) -> CustomField:
    """Return one field as given, on top of what it was; `others` have the ids it may not have."""
    name = said.text("name", most=limits.field_characters, default=base.name if base else "")
    if not name:
        raise parameter_error(said.at("name"), "is missing; a custom field needs one.")
    before = base or CustomField(id=_new_id(said, others), name=name, kind=kind)
    return replace(
        before,
        name=name,
        value=said.text("value", most=limits.field_characters, default=before.value),
        is_required=said.flag("required", default=before.is_required),
        is_shown=said.flag("show", default=before.is_shown),
        items=_items(said, limits) if said.has("listItems") else before.items,
        configuration_type=said.text("configurationType", most=_CONFIGURATION_TYPE_CHARACTERS)
        or before.configuration_type,
    )


def _items(said: Given, limits: Limits) -> tuple[str, ...]:
    items: list[str] = []
    for value in said.items("listItems", most=_MAX_ITEMS):
        text = text_of(value)
        if text is None:
            raise body_error(said.at("listItems"), "holds something that is not a text.")
        if len(text) > limits.item_characters:
            raise parameter_error(
                said.at("listItems"),
                f"has an item longer than {limits.item_characters} characters; shorten it.",
            )
        items.append(text)
    if sum(map(len, items)) > limits.items_characters:
        raise parameter_error(
            said.at("listItems"),
            f"is longer than {limits.items_characters} characters in all; send fewer items.",
        )
    return tuple(items)


def _new_id(said: Given, others: Sequence[CustomField]) -> str:
    """Return the id a client gave a new field, or the next one that no other has."""
    taken = {field.id for field in others}
    given = said.text("fieldId", most=_ID_CHARACTERS)
    if given and given not in taken:
        return given
    number = _FIRST_ID + len(others)
    while str(number) in taken:
        number += 1
    return str(number)


def _check_set(fields: Sequence[CustomField], limits: Limits) -> None:
    if len(fields) > limits.fields:
        raise parameter_error("customFields", f"has more than {limits.fields} fields; send fewer.")


def _unknown(said: Given) -> DocusignError:
    return DocusignError(
        "INVALID_CUSTOM_FIELD_ID",
        f"{said.place} names no custom field of the envelope; list them to find its fieldId.",
    )
