"""Every setting, command, option and route stands in the reference, with the words it has there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postroom.cli.program import COMMANDS, load
from postroom.cli.serve import ONE_AT_A_TIME, default_of
from postroom.settings import Settings
from postroom.web.api.application import PREFIX, ROUTES
from postroom.web.connect_api import application as connect_api

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
TYPED = re.compile(r"(?:^\$ (?:\.venv/bin/)?|`)postroom ([a-z][^\n`]+)", re.MULTILINE)
FLAG = re.compile(r"(?<!\S)--[a-z-]+")


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text()


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its whole name, subcommands by themselves."""
    for name in COMMANDS:
        command = load(name)
        yield name, command
        for sub, below in getattr(command, "commands", {}).items():
            yield f"{name} {sub}", below


def parts_of_the_page() -> dict[str, str]:
    """Return the text under each command's heading."""
    pieces = re.split(r"^##+ `postroom ([a-z -]+)`$", page("cli"), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True)) | {"": pieces[0]}


def typed() -> Iterator[tuple[str, str]]:
    """Yield every command line that a page shows or names in its text, with the page."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for line in TYPED.findall(path.read_text()):
            yield path.name, line.partition("  #")[0]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_flag_variable_default_and_meaning(name: str) -> None:
    field = Settings.model_fields[name]
    row = next(line for line in page("settings").splitlines() if line.startswith(f"| `{name}` |"))
    flag = ONE_AT_A_TIME.get(name, f"--{name.replace('_', '-')}")
    assert f"`{flag}" in row
    assert f"`POSTROOM_{name.upper()}`" in row
    assert f"| {default_of(field)} |" in row
    assert field.description
    assert field.description in row


def test_every_command_and_option_is_documented() -> None:
    told = parts_of_the_page()
    missing = []
    for name, command in commands():
        if name not in told:
            missing.append(name)
            continue
        for option in command.params:
            known = told[name] + told[""] + (page("settings") if name == "serve" else "")
            missing += [f"{name} {flag}" for flag in option.opts if not _is_told(flag, known)]
    assert missing == []


def test_no_command_is_documented_that_is_not_there() -> None:
    assert set(parts_of_the_page()) - {""} == {name for name, _ in commands()}


def test_every_option_that_a_page_types_is_there() -> None:
    there = {
        name: {flag for one in command.params for flag in one.opts} for name, command in commands()
    }
    unknown = []
    for page_name, line in typed():
        words = line.split()
        named = [name for name in there if name.split() == words[: len(name.split())]]
        known = {flag for name in named for flag in there[name] | there.get(f"{name} list", set())}
        unknown += [(page_name, line, one) for one in FLAG.findall(line) if one not in known]
    assert unknown == []


def test_every_route_is_documented_and_no_other() -> None:
    there = {
        f"`{method} {PREFIX}{re.sub(r':[a-z]+', '', path)}`"
        for handler in ROUTES
        for path in handler.paths  # type: ignore[union-attr]  # all ours are functions
        for method in handler.http_methods  # type: ignore[union-attr]  # as above
    }
    rows = re.findall(r"^\| (`[A-Z]+ /[^`]*`) \|", page("api"), flags=re.MULTILINE)
    assert set(rows) == there


def test_every_path_of_docusigns_is_documented_and_no_other() -> None:
    there = {
        (method, re.sub(r"{(\w+):str}", lambda found: f"{{{_camel(found[1])}}}", path))
        for handler in (*connect_api.PUBLIC, *connect_api.SIGNED_IN, *connect_api.OF_AN_ACCOUNT)
        for path in handler.paths  # type: ignore[union-attr]  # all ours are functions
        for method in handler.http_methods  # type: ignore[union-attr]  # as above
    }
    rows = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", page("connect-api"), flags=re.MULTILINE)
    assert set(rows) == there


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _is_told(flag: str, text: str) -> bool:
    return f"`{flag}" in text or f"`{flag.upper()}`" in text or flag == "--help"
