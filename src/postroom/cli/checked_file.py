"""A file that `check` reads: a connect.yaml or Docusign's JSON, with the place of everything."""

import contextlib
from pathlib import Path

import msgspec

from postroom.cli import connect_file
from postroom.cli.connect_file import ConnectFile
from postroom.errors import InvalidInputError
from postroom.model import Registry
from postroom.operations.checking import reading
from postroom.operations.checking.subject import Subject
from postroom.operations.document import InvalidDocumentError

MAX_JSON_BYTES = 40 * 1024 * 1024
MAX_PLACED_BYTES = 512 * 1024
"""Of JSON beyond this only the place in the document is told, no line: finding it takes long."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOTHING_KNOWN = Registry(revision=0, accounts={}, listeners={}, lanes={})


def load(path: Path) -> tuple[ConnectFile, Subject]:
    """Return a file, and the listeners in it.

    Raises `InvalidInputError`, with line and column where there are any, for what is neither.
    """
    file = _read(path)
    kind = reading.kind_of(file.document)
    if kind is None:
        raise InvalidInputError(
            f"{path.name} is neither a connect.yaml nor Docusign's configurations; it has none of"
            " accounts:, lanes:, listeners:, configurations, urlToPublishTo"
        )
    try:
        if kind == "connect.yaml":
            return file, reading.of_document(file.document, _NOTHING_KNOWN)
        return file, reading.of_configurations(file.document)
    except InvalidDocumentError as refused:
        raise InvalidInputError(file.describe(refused.problems)) from None
    except InvalidInputError as problem:
        raise InvalidInputError(f"{path.name}: {problem}") from None


def _read(path: Path) -> ConnectFile:
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_JSON_BYTES + 1).removeprefix(_BYTE_ORDER_MARK)
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
        detail = getattr(problem, "strerror", None) or "that is no file's name"
        raise InvalidInputError(f"cannot read {path}: {detail}") from None
    if len(raw) > MAX_JSON_BYTES:
        raise InvalidInputError(f"{path.name} is larger than {MAX_JSON_BYTES} bytes")
    try:
        document = msgspec.json.decode(raw)
    except RecursionError:
        raise InvalidInputError(f"{path.name} is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        if path.suffix.lower() == ".json":
            raise InvalidInputError(f"{path.name} is not JSON: {problem}") from None
        return connect_file.parsed(path, start="accounts: and listeners:")
    return _placed(path, document, raw)


def _placed(path: Path, document: object, raw: bytes) -> ConnectFile:
    """Find the places of JSON by reading it as the YAML that it nearly always is."""
    if len(raw) <= MAX_PLACED_BYTES:
        # Tabs, or a key twice, are fine as JSON; then there are no lines to tell.
        with contextlib.suppress(InvalidInputError):
            return ConnectFile(path, document, connect_file.parsed(path, start="{").places)
    return ConnectFile(path, document, {})
