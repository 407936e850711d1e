"""The custom fields that an account offers, or demands, on every envelope (contract 7.4)."""

import secrets
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from postroom.errors import DocusignError
from postroom.model import Account, AccountField, Json, Registry
from postroom.operations.connect import people
from postroom.operations.connect.registrar import Changed, Registrar
from postroom.operations.connect.requests import keys_of, text_of, texts_of, truth_of
from postroom.operations.connect.user_views import lower

MOST_FIELDS = 500
MOST_CHARACTERS = 100
"""Of a name, of a value, and of one item of a list."""
MOST_ITEM_CHARACTERS = 2048
"""Of all items of a list together."""


def list_fields(account: Account) -> Json:
    """Return the account's fields; both lists are there, empty or not."""
    return _view(account.fields)


async def add_field(registrar: Registrar, account_id: str, body: Json, *, actor: str) -> Json:
    """Add a field; return the lists with this one alone."""
    said = keys_of(body)

    def decide(registry: Registry, _now: int) -> tuple[Changed, Json]:
        account = registry.accounts[account_id]
        if len(account.fields) >= MOST_FIELDS:
            raise DocusignError(
                "INVALID_REQUEST_PARAMETER", f"At most {MOST_FIELDS} fields; remove one first."
            )
        field = _read(said, AccountField(id=_new_id(account), name=""), account)
        return _written(account, (*account.fields, field), field), _view((field,))

    return await registrar.change(decide, actor=actor, verb="add-account-field")


async def change_field(
    registrar: Registrar, account_id: str, field_id: str, body: Json, *, actor: str
) -> Json:
    """Change a field; what the request does not say stays. Return the lists with it alone."""
    said = keys_of(body)

    def decide(registry: Registry, _now: int) -> tuple[Changed, Json]:
        account = registry.accounts[account_id]
        field = _read(said, _field(account, field_id), account)
        fields = tuple(field if one.id == field.id else one for one in account.fields)
        return _written(account, fields, field), _view((field,))

    return await registrar.change(decide, actor=actor, verb="change-account-field")


async def remove_field(registrar: Registrar, account_id: str, field_id: str, *, actor: str) -> None:
    """Remove a field: envelopes that have it keep theirs."""

    def decide(registry: Registry, _now: int) -> tuple[Changed, None]:
        account = registry.accounts[account_id]
        field = _field(account, field_id)
        left = tuple(one for one in account.fields if one.id != field.id)
        return _written(account, left, field), None

    await registrar.change(decide, actor=actor, verb="remove-account-field")


def _written(account: Account, fields: tuple[AccountField, ...], touched: AccountField) -> Changed:
    if fields == account.fields:
        return Changed()
    details = {"account": account.id, "field": touched.id, "name": touched.name}
    return Changed(accounts=(replace(account, fields=fields),), details=details)


def _field(account: Account, field_id: str) -> AccountField:
    for field in account.fields:
        if field.id == field_id.strip():
            return field
    raise DocusignError(
        "INVALID_CUSTOM_FIELD_ID",
        f"The account has no custom field {field_id[:80]}; list its custom_fields.",
        status=404,
    )


def _read(said: Mapping[str, Any], before: AccountField, account: Account) -> AccountField:
    name = people.bounded(text_of(said, "name") or before.name, "name", MOST_CHARACTERS)
    if not name or any(one.name == name and one.id != before.id for one in account.fields):
        raise _invalid("Give the field a name that no other field of the account has.")
    kind = text_of(said, "customFieldType").lower() or before.kind
    if kind not in {"text", "list"}:
        raise _invalid("customFieldType is text or list.")
    items = texts_of(said, "listItems") if "listitems" in said else before.items
    items = tuple(people.bounded(one, "listItems", MOST_CHARACTERS) for one in items)
    value = text_of(said, "value") if "value" in said else before.value
    people.bounded(value, "value", MOST_CHARACTERS)
    if kind == "text":
        items = ()
    elif not items or sum(map(len, items)) > MOST_ITEM_CHARACTERS:
        raise _invalid(f"A list has listItems, of at most {MOST_ITEM_CHARACTERS} characters.")
    elif value and value not in items:
        raise _invalid("The value of a list is one of its listItems.")
    return AccountField(
        id=before.id,
        name=name,
        kind="list" if kind == "list" else "text",
        value=value,
        items=items,
        is_required=truth_of(said, "required", default=before.is_required),
        is_shown=truth_of(said, "show", default=before.is_shown),
    )


def _invalid(message: str) -> DocusignError:
    return DocusignError("INVALID_REQUEST_PARAMETER", message)


def _new_id(account: Account) -> str:
    taken = {field.id for field in account.fields}
    while (made := str(10_000_000_000 + secrets.randbelow(90_000_000_000))) in taken:
        pass
    return made


def _view(fields: tuple[AccountField, ...]) -> Json:
    texts = [_field_view(one) for one in fields if one.kind == "text"]
    lists = [
        {"listItems": list(one.items), **_field_view(one)} for one in fields if one.kind == "list"
    ]
    return {"textCustomFields": texts, "listCustomFields": lists}


def _field_view(field: AccountField) -> dict[str, Json]:
    return {
        "fieldId": field.id,
        "name": field.name,
        "show": lower(value=field.is_shown),
        "required": lower(value=field.is_required),
        "value": field.value,
    }
