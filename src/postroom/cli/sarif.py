"""Findings of `check` as SARIF 2.1.0 (OASIS), so that a code host shows them on the file."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from postroom import __version__
from postroom.cli.output import Row, cleaned_lines
from postroom.operations.checking.rules import RULES, Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_BASE = "%SRCROOT%"


def log(checked: Sequence[Row], root: Path) -> Row:
    """Return the log of one run; files are named as seen from `root`, with slashes.

    Each set of `checked` has `findings`; one from a file has `file`, and its findings `line` and
    `column`, None where the file tells none.
    """
    ids = list(RULES)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Postroom check",
                        "version": __version__,
                        "rules": [_rule(RULES[one]) for one in ids],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _BASE: {"description": {"text": "where the command was run"}}
                },
                "results": [
                    _result(found, one.get("file"), root, ids)
                    for one in checked
                    for found in one["findings"]
                ],
            }
        ],
    }


def _rule(rule: Rule) -> Row:
    return {
        "id": rule.id,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
    }


def _result(found: Row, file: str | None, root: Path, ids: Sequence[str]) -> Row:
    made: Row = {
        "ruleId": found["rule"],
        "ruleIndex": ids.index(found["rule"]),
        "level": found["severity"],
        "message": {"text": cleaned_lines("\n".join(_sentences(found)))},
        "partialFingerprints": {"postroom/v1": _fingerprint(found, file)},
    }
    if file is not None:
        made["locations"] = [{"physicalLocation": _location(found, file, root)}]
    return made


def _sentences(found: Row) -> Iterator[str]:
    yield f"{found['message']}."
    if found["witness"] is not None:
        yield f"For example {found['witness']['in_words']}."
    yield f"What to do: {found['remedy']}"


def _location(found: Row, file: str, root: Path) -> Row:
    relative = Path(os.path.relpath(file, root)).as_posix()
    made: Row = {"artifactLocation": {"uri": quote(relative), "uriBaseId": _BASE}}
    if found["line"] is not None:
        made["region"] = {"startLine": found["line"], "startColumn": found["column"]}
    return made


def _fingerprint(found: Row, file: str | None) -> str:
    """Return what stays the same while lines move: the rule, whom it is about, in which file."""
    parts = (found["rule"], *found["listeners"], found["lane"] or "", Path(file or "").name)
    if not found["listeners"]:
        parts = (*parts, found["message"])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
