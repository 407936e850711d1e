"""What SARIF 2.1.0 (OASIS, sections 3.13 to 3.52) asks of a log like ours, written down."""

import re
from typing import Any
from urllib.parse import urlsplit

LEVELS = {"none", "note", "warning", "error"}
_URI = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})+")


def faults(log: dict[str, Any]) -> list[str]:
    """Return what is wrong with a log."""
    found = []
    if log.get("version") != "2.1.0":
        found.append("version (3.13.2) is 2.1.0")
    if "sarif" not in str(log.get("$schema")) or "2.1.0" not in str(log.get("$schema")):
        found.append("$schema (3.13.3) names the schema of 2.1.0")
    if not isinstance(log.get("runs"), list):
        return [*found, "runs (3.13.4) is a list"]
    for run in log["runs"]:
        found += _of_run(run)
    return found


def _of_run(run: dict[str, Any]) -> list[str]:
    driver = run.get("tool", {}).get("driver", {})
    rules = driver.get("rules", [])
    ids = [rule.get("id") for rule in rules]
    found = []
    if not driver.get("name"):
        found.append("tool.driver.name (3.19.8) is there")
    if len(set(ids)) < len(ids) or not all(isinstance(one, str) and one for one in ids):
        found.append("rules (3.19.23) have ids (3.49.3), each once")
    for rule in rules:
        described = ("shortDescription", "fullDescription")
        blank = [key for key in described if key in rule and not rule[key].get("text")]
        found += [f"{key} (3.49.9) has a text (3.12.3)" for key in blank]
    if run.get("columnKind") not in {"utf16CodeUnits", "unicodeCodePoints"}:
        found.append("columnKind (3.14.17) says what a column counts")
    bases = set(run.get("originalUriBaseIds", {}))
    for result in run.get("results", ()):
        found += _of_result(result, ids, bases)
    return found


def _of_result(result: dict[str, Any], ids: list[Any], bases: set[str]) -> list[str]:
    found = []
    if not result.get("message", {}).get("text"):
        found.append("message (3.27.11) has a text")
    if result.get("level") not in LEVELS:
        found.append("level (3.27.10) is one of four")
    if result.get("ruleId") not in ids:
        found.append("ruleId (3.27.5) is a rule of the driver")
    elif ids[result.get("ruleIndex", ids.index(result["ruleId"]))] != result["ruleId"]:
        found.append("ruleIndex (3.27.6) is that rule's")
    for key, value in result.get("partialFingerprints", {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            found.append("partialFingerprints (3.27.17) are texts")
    for location in result.get("locations", ()):
        found += _of_location(location["physicalLocation"], bases)
    return found


def _of_location(location: dict[str, Any], bases: set[str]) -> list[str]:
    found = []
    artifact = location.get("artifactLocation", {})
    uri = artifact.get("uri", "")
    if not _URI.fullmatch(uri) or urlsplit(uri).scheme or uri.startswith("/"):
        found.append("artifactLocation.uri (3.4.3) is relative and percent-encoded")
    if artifact.get("uriBaseId") not in bases:
        found.append("uriBaseId (3.4.4) is one of originalUriBaseIds (3.14.14)")
    region = location.get("region")
    if region is not None and any(
        not isinstance(region.get(key), int) or region[key] < 1
        for key in ("startLine", "startColumn")
    ):
        found.append("startLine and startColumn (3.30.5, 3.30.6) count from 1")
    return found
