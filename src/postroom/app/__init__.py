"""The composition root: the only room that names a concrete store, sender or clock."""

from postroom.app.database import Desk, desk, key_file, migrate, only_one, revision
from postroom.app.moving import backup, copy, undo_copy
from postroom.app.node import READY_SECONDS, Node, Part, node
from postroom.app.serving import serve

__all__ = [
    "READY_SECONDS",
    "Desk",
    "Node",
    "Part",
    "backup",
    "copy",
    "desk",
    "key_file",
    "migrate",
    "node",
    "only_one",
    "revision",
    "serve",
    "undo_copy",
]
