"""Findings of `check` as SARIF 2.1.0 (OASIS), so that a code host shows them on the file."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from postroom import __version__
from postroom.cli.output import Row, cleaned_lines
from postroom.operations.checking.rules import RULES, Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_BASE = "%SRCROOT%"
_FINGERPRINT = "postroom/v2"
_SEVERAL_OF_ONE = {"unknown-event", "missing-include", "covered"}
"""Rules that may say several things of the same listeners."""


def log(checked: Sequence[Row], root: Path) -> Row:
    """Return the log of one run; files are named as seen from `root`, with slashes.

    Each set of `checked` has `findings`; one from a file has `file`, and its findings `line` and
    `column`, None where the file tells none.
    """
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Postroom check",
                        "version": __version__,
                        "rules": [_rule(one) for one in RULES.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _BASE: {"description": {"text": "where the command was run"}}
                },
                "results": list(_results(checked, root, list(RULES))),
            }
        ],
    }


def _rule(rule: Rule) -> Row:
    return {
        "id": rule.id,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
    }


def _results(checked: Sequence[Row], root: Path, ids: Sequence[str]) -> Iterator[Row]:
    seen: Counter[str] = Counter()
    for one in checked:
        for found in one["findings"]:
            made = _result(found, one.get("file"), root, ids)
            seen[fingerprint := made["partialFingerprints"][_FINGERPRINT]] += 1
            if seen[fingerprint] > 1:  # as code hosts number what is alike
                made["partialFingerprints"][_FINGERPRINT] += f":{seen[fingerprint]}"
            yield made


def _result(found: Row, file: str | None, root: Path, ids: Sequence[str]) -> Row:
    made: Row = {
        "ruleId": found["rule"],
        "ruleIndex": ids.index(found["rule"]),
        "level": found["severity"],
        "message": {"text": cleaned_lines("\n".join(_sentences(found)))},
        "partialFingerprints": {_FINGERPRINT: _fingerprint(found, file, root)},
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
    # A code host refuses a place without a line: what is about the whole file is at its first.
    region = {"startLine": found["line"] or 1, "startColumn": found["column"] or 1}
    return {
        "artifactLocation": {"uri": quote(_relative(file, root)), "uriBaseId": _BASE},
        "region": region,
    }


def _relative(file: str, root: Path) -> str:
    return Path(os.path.relpath(file, root)).as_posix()


def _fingerprint(found: Row, file: str | None, root: Path) -> str:
    """Return what stays the same while lines move: the rule, whom it is about, in which file."""
    who = (found["account_id"] or "", *found["listeners"], found["lane"] or "")
    parts = (found["rule"], *who, _relative(file, root) if file else "")
    if not found["listeners"] or found["rule"] in _SEVERAL_OF_ONE:
        parts = (*parts, found["message"])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
