"""A document written as `connect.yaml`, so that `cli.connect_file` reads exactly it again."""

from collections.abc import Iterable
from pathlib import Path

import yaml

from postroom.cli.output import clean
from postroom.errors import InvalidInputError
from postroom.model import Json

WIDTH = 2**31
"""Texts are not folded: a line of a filter stands for a line."""
BREAKS = frozenset("\n\r\x85\u2028\u2029")


class _Dumper(yaml.SafeDumper):
    """Writes everything out where it stands, also what stands there twice."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # the base class's
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Write a text; in quotes with escapes where PyYAML would lose a break it takes for a fold."""
    style = '"' if BREAKS.intersection(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def written(document: Json, head: Iterable[str]) -> str:
    """Return the text of a file with a comment at its head."""
    comment = "".join(f"# {clean(line)}".rstrip() + "\n" for line in head)
    return (
        comment
        + "\n"
        + yaml.dump(
            document,
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=None,
            width=WIDTH,
        )
    )


def is_in_use(path: Path) -> bool:
    """Tell whether a file is there that has something in it."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except (OSError, ValueError):  # not to be looked at; ValueError: a zero byte in the name
        return False


def save(path: Path, text: str) -> None:
    """Write a file. Raises `InvalidInputError` where it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
        detail = getattr(problem, "strerror", None) or "that is no file's name"
        raise InvalidInputError(f"cannot write {path}: {detail}") from None
