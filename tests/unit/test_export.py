"""Export and apply are each other's inverse, also by way of the file's text."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from tests.acceptance.cast import A1, A2
from tests.unit.registry_strategies import documents

from postroom.cli import connect_file, connect_text
from postroom.errors import InvalidInputError
from postroom.model import Registry
from postroom.operations.document import read
from postroom.operations.drafts import Drafts, draft
from postroom.operations.export import as_document

NOTHING = Registry(revision=0, accounts={}, listeners={}, lanes={})


def system(drafts: Drafts) -> Registry:
    """Return a registry of what a document stands for, as if it had been applied."""
    return Registry(
        revision=1,
        accounts={one.id: one for one in drafts.accounts},
        listeners={
            number: replace(one, id=number) for number, one in enumerate(drafts.listeners, start=1)
        },
        lanes={(one.account_id, one.name): one for one in drafts.lanes},
    )


def drafted(document: Any, beside: Registry = NOTHING) -> Drafts:
    return draft(read(document), beside, allow_private=True)


def through_a_file(document: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connect.yaml"
        connect_text.save(path, connect_text.written(document, ["a\nhead", "#"]))
        return connect_file.load(path, os.environ).document


def same(one: Registry, other: Registry) -> bool:
    def by_name(registry: Registry) -> Any:
        listeners = [replace(each, id=0) for each in registry.listeners.values()]
        return sorted(listeners, key=lambda each: (each.account_id, each.name))

    return (one.accounts, one.lanes, by_name(one)) == (other.accounts, other.lanes, by_name(other))


@given(documents())
@settings(deadline=None, max_examples=150)
def test_what_is_exported_and_applied_again_is_the_same_system(document: Any) -> None:
    before = system(drafted(document))
    exported = through_a_file(as_document(before))
    assert same(system(drafted(exported)), before), "on an empty system"
    assert same(system(drafted(exported, before)), before), "on the system itself"


@given(documents())
@settings(deadline=None, max_examples=30)
def test_the_order_of_the_registry_does_not_show(document: Any) -> None:
    made = system(drafted(document))
    turned = Registry(
        revision=2,
        accounts=dict(reversed(made.accounts.items())),
        listeners=dict(reversed(made.listeners.items())),
        lanes=dict(reversed(made.lanes.items())),
    )
    assert as_document(turned) == as_document(made)


def test_only_what_is_not_the_default_is_written() -> None:
    document = {
        "accounts": [{"id": A1, "name": "Acme", "unsigned": False, "users": []}],
        "listeners": [
            {"name": "erp", "account": "Acme", "url": "https://erp.example.com/", "concurrency": 16}
        ],
    }
    assert as_document(system(drafted(document))) == {
        "accounts": [{"id": A1, "name": "Acme"}],
        "listeners": [{"name": "erp", "account": A1, "url": "https://erp.example.com/"}],
    }


def test_a_sub_account_stands_behind_its_main_account() -> None:
    document = {"accounts": [{"id": A1, "name": "B", "parent": A2}, {"id": A2, "name": "Z"}]}
    ids = [one["id"] for one in as_document(system(drafted(document)))["accounts"]]
    assert ids == [A2, A1]


@pytest.mark.parametrize("path", ["no/such/folder.yaml", "nul\0"])
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot write"):
        connect_text.save(tmp_path / path, "")
