"""The examples in the documents are read by the program itself."""

import re
from pathlib import Path
from typing import get_args

import yaml

from postroom.cli import connect_file
from postroom.model import Registry
from postroom.operations.document import ListenerPart, plain, read
from postroom.operations.drafts import draft
from postroom.routing import filters

ROOT = Path(__file__).parents[2]
NOBODY = Registry(revision=0, accounts={}, listeners={}, lanes={})


def examples(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_the_readme_s_connect_yaml_can_be_applied_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "connect.yaml"
    path.write_text(examples("README.md")[0])
    file = connect_file.load(path, {"ACME_CONNECT_KEY": "a-key="})
    drafts = draft(read(file.document), NOBODY, allow_private=False)
    assert [one.name for one in drafts.listeners] == ["erp", "salesforce", "audit"]
    assert drafts.warnings == ()


def test_the_page_about_xml_has_a_connect_yaml_that_can_be_applied(tmp_path: Path) -> None:
    path = tmp_path / "connect.yaml"
    (text,) = examples("docs/how-to/serve-an-xml-listener.md")
    path.write_text(text)
    file = connect_file.load(path, {"ACME_CONNECT_KEY": "a-key="})
    drafts = draft(read(file.document), NOBODY, allow_private=False)
    assert [(one.name, one.format) for one in drafts.listeners] == [
        ("old", "xml"),
        ("new", "pass-through"),
    ]
    assert drafts.warnings == ()


def test_every_format_stands_in_the_reference_and_on_the_page_about_xml() -> None:
    formats = get_args(ListenerPart.model_fields["format"].annotation)
    assert len(formats) == 4
    for page in ("docs/reference/connect-yaml.md", "docs/how-to/serve-an-xml-listener.md"):
        rows = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("|")]
        assert [one for one in formats if not any(f"`{one}`" in row for row in rows)] == []


def test_every_filter_in_the_documents_is_a_valid_one() -> None:
    pages = ("docs/reference/connect-yaml.md", "docs/how-to/keep-integrations-apart.md")
    found = [
        plain(said["filter"])
        for page in pages
        for text in examples(page)
        if "filter" in (said := yaml.safe_load(text))
    ]
    assert len(found) >= 2
    assert [complaint for one in found for complaint in filters.check(one)] == []
