"""`connect.yaml`: read with the line and column of everything, keys fetched from where it says."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from postroom.errors import InvalidInputError
from postroom.model import Json
from postroom.operations.document import InvalidDocumentError, Problem, plain, read, written

MAX_FILE_BYTES = 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 64
HALF_A_CHARACTER = "half a character (an escape from \\ud800 to \\udfff) is no text; write it out"
MAX_SECRET_CHARACTERS = 10_000
Place = tuple[str | int, ...]


class ConnectFile:
    """A file's document, and where each part of it stands."""

    def __init__(self, path: Path, document: Json, places: Mapping[Place, tuple[int, int]]) -> None:
        self.path = path
        self.document = document
        self.places = places
        """Line and column of each path, from 1; empty where a file tells none."""

    def describe(self, problems: Iterable[Problem]) -> str:
        """Return problems as `connect.yaml:12:5: listeners[0].url: what is wrong`, in order."""
        placed = [(self.at(one.path) or (1, 1), one) for one in problems]
        found = sorted(placed, key=lambda one: one[0])
        return "\n".join(
            f"{self.path.name}:{line}:{column}: {written(one.path)}: {one.message}"
            for (line, column), one in found
        )

    def at(self, path: Place) -> tuple[int, int] | None:
        """Return line and column of a path, or of the nearest part around it, where known."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path)


def load(path: Path, environment: Mapping[str, str] = os.environ) -> ConnectFile:
    """Read a file; `keys` and tokens named by `env` or `file` are fetched here, on this side.

    Raises `InvalidInputError` with line and column for what is no YAML mapping, repeats a key,
    or names a key that cannot be fetched.
    """
    found = parsed(path, start="accounts: and listeners:")
    document = found.document
    if not isinstance(document, dict):
        raise InvalidInputError(f"{path.name} is no mapping; start with accounts: and listeners:")
    problems = list(_fetch(document, (), path.parent, environment))
    if problems:
        raise InvalidInputError(found.describe([*problems, *_of_shape(document)]))
    return found


def parsed(path: Path, *, start: str) -> ConnectFile:
    """Read any YAML file as it is written; `start` is what an empty one is told to start with.

    Raises `InvalidInputError` with line and column for what is no YAML, or repeats a key.
    """
    reading = _Reading(path, start)
    return ConnectFile(path, reading.read(), reading.places)


def _of_shape(document: Json) -> tuple[Problem, ...]:
    try:
        read(document)
    except InvalidDocumentError as refused:
        return refused.problems
    return ()


class _Reading:
    """YAML nodes turned into plain values, noting where each stood."""

    def __init__(self, path: Path, start: str) -> None:
        self._path = path
        self._start = start
        self.places: dict[Place, tuple[int, int]] = {}
        self._constructor = yaml.constructor.SafeConstructor()
        self._nodes = 0

    def read(self) -> Json:
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
            detail = getattr(problem, "strerror", None) or "that is no file's name"
            raise InvalidInputError(f"cannot read {self._path}: {detail}") from None
        if len(raw) > MAX_FILE_BYTES:
            raise InvalidInputError(f"{self._path.name} is larger than {MAX_FILE_BYTES} bytes")
        try:
            # Not the faster C loader: deep nesting overflows its stack and ends the process.
            node = yaml.compose(raw.decode(), Loader=yaml.SafeLoader)
        except RecursionError:
            raise InvalidInputError(f"{self._path.name} is nested too deeply") from None
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            raise InvalidInputError(self._not_yaml(problem)) from None
        if node is None:
            raise InvalidInputError(f"{self._path.name} is empty; start with {self._start}")
        return plain(self._value(node, (), 0))

    def _value(self, node: yaml.Node, place: Place, depth: int) -> Json:
        self._nodes += 1
        # Aliases repeat nodes, so a small file can stand for a huge document.
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise self._error(node, "too much, or nested too deeply")
        self.places.setdefault(place, _mark(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._value(one, (*place, number), depth + 1)
                for number, one in enumerate(node.value)
            ]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Json:
        try:
            found = self._constructor.construct_object(node)
            if isinstance(found, float) and not math.isfinite(found):
                raise self._error(node, "this number is not finite; write one that is")
            if isinstance(found, str) and _is_broken(found):
                raise self._error(node, HALF_A_CHARACTER)
            return _as_written(found, node.value)
        # PyYAML's constructors index and match what a tag such as `!!bool x` promised them, and
        # Python writes no number of thousands of digits.
        except (yaml.YAMLError, ValueError, LookupError, AttributeError):
            raise self._error(node, "this value cannot be read; put it in quotes") from None

    def _mapping(self, node: yaml.MappingNode, place: Place, depth: int) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key must be a plain word")
            name = str(key.value)
            if _is_broken(name):
                raise self._error(key, HALF_A_CHARACTER)
            if name in found:
                raise self._error(key, f"the key {name!r} stands here twice")
            self.places[(*place, name)] = _mark(key)
            found[name] = self._value(value, (*place, name), depth + 1)
        return found

    def _error(self, node: yaml.Node, message: str) -> InvalidInputError:
        line, column = _mark(node)
        return InvalidInputError(f"{self._path.name}:{line}:{column}: {message}")

    def _not_yaml(self, problem: Exception) -> str:
        mark = getattr(problem, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        what = (
            getattr(problem, "problem", None) or "it has a control character in it, or is no UTF-8"
        )
        return f"{self._path.name}{where}: not valid YAML: {what}"


def _as_written(found: Json, written: str) -> Json:
    """Return a value as YAML reads it, or the text that stands there where reading changes it.

    YAML takes 0123 for 83, 12:30 for 750, 1.10 for 1.1 and yes for true: as a filter's value each
    would match other envelopes than the one who wrote it meant.
    """
    if found is None or isinstance(found, str):
        return found
    spelling = repr(found) if isinstance(found, int | float) else None
    if isinstance(found, bool):
        spelling = repr(found).lower()
    return found if spelling == written else written


def _is_broken(text: str) -> bool:
    """Tell whether a text has an escaped surrogate in it: YAML lets it pass, UTF-8 does not."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _fetch(
    document: Json, place: Place, folder: Path, environment: Mapping[str, str]
) -> Iterator[Problem]:
    """Put the text of each key in the place of its `env` or `file`."""
    if isinstance(document, list):
        for number, one in enumerate(document):
            yield from _fetch(one, (*place, number), folder, environment)
    if not isinstance(document, dict):
        return
    for name, value in document.items():
        if name == "keys" and isinstance(value, list):
            for number, secret in enumerate(value):
                yield from _fetch_one(secret, (*place, name, number), folder, environment)
        elif name in {"token", "private_key"}:
            yield from _fetch_one(value, (*place, name), folder, environment)
        elif name in {"accounts", "listeners", "enrichment", "jwt"}:
            yield from _fetch(value, (*place, name), folder, environment)


def _fetch_one(
    secret: Json, place: Place, folder: Path, environment: Mapping[str, str]
) -> Iterator[Problem]:
    if not isinstance(secret, dict):
        yield Problem(path=place, message="give one of env:, file: or text:, such as {env: NAME}")
    elif len(secret) != 1 or not secret.keys() <= {"env", "file", "text"}:
        yield Problem(path=place, message="give one of env:, file: or text:")
    elif "env" in secret:
        name = str(secret.pop("env"))
        if name not in environment:
            yield Problem(path=(*place, "env"), message=f"the variable {name} is not set")
        secret["text"] = environment.get(name, "-")
    elif "file" in secret:
        named = folder / str(secret.pop("file"))
        try:
            with named.open(encoding="utf-8") as file:
                secret["text"] = file.read(MAX_SECRET_CHARACTERS + 1).rstrip("\r\n")
        except (OSError, ValueError):  # ValueError: no UTF-8, or a zero byte in the name
            yield Problem(path=(*place, "file"), message=f"cannot read {named}")
            secret["text"] = "-"
