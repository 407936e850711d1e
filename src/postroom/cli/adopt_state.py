"""The state file of `adopt`: written whole or not at all, readable by its owner alone."""

import contextlib
import os
from pathlib import Path

from postroom.errors import InvalidInputError
from postroom.operations.adopting.memory import Memory, decoded, encoded

MAX_BYTES = 16 * 1024 * 1024


def load(path: Path, account_id: str, base_path: str) -> Memory | None:
    """Return what was remembered of an account; None if nothing was.

    Raises `InvalidInputError` for a file that is none, or is about another account.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
        detail = getattr(problem, "strerror", None) or "that is no file's name"
        raise InvalidInputError(f"cannot read {path}: {detail}") from None
    memory = decoded(raw, str(path))
    if (memory.account_id, memory.base_path) != (account_id, base_path):
        raise InvalidInputError(
            f"{path} is about account {memory.account_id} at {memory.base_path}; name another"
            " file with --state"
        )
    return memory


def save(path: Path, memory: Memory) -> None:
    """Write what is remembered, and see it on the disk, before anything else is changed.

    Raises `InvalidInputError` where it cannot be written.
    """
    beside = path.with_name(f"{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        with open(  # Path.open has no opener, which sets the permissions
            beside, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)
        ) as file:
            file.write(encoded(memory))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, ValueError) as problem:  # ValueError: as above
        detail = getattr(problem, "strerror", None) or "that is no file's name"
        raise InvalidInputError(
            f"cannot write {path}: {detail}; without it nothing can be put back, so nothing more"
            " is changed"
        ) from None
