"""Every verb has a route, every route has a command, and neither has more than the other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from litestar.handlers import HTTPRouteHandler

import postroom
from postroom.cli.program import COMMANDS
from postroom.web.api.application import ROUTES

SOURCE = Path(postroom.__file__).parent
NOT_FOR_PEOPLE = {"tokens"}
"""Modules of `operations` that serve the doors, not a person."""
OURS = {("GET", "/clock"), ("POST", "/clock")}
"""Routes of the node itself: no verb on what is kept."""
OF_CONNECT = ("operations/connect/trigger.py",)
"""Verbs of the Connect server that people use too; its others answer Docusign's paths."""
NO_ROUTE = {"serve", "demo", "lint", "version", "adopt", "migrate", "copy", "backup"}
"""Commands that ask no one; `adopt` asks Docusign, from the machine that has its credentials, and
`migrate`, `copy` and `backup` the database itself: it need have no server, or must not."""


def trees(room: str) -> Iterator[tuple[str, ast.Module]]:
    more = (SOURCE / one for one in OF_CONNECT if one.startswith(f"{room}/"))
    for file in sorted([*(SOURCE / room).glob("*.py"), *more]):
        yield file.stem, ast.parse(file.read_text())


def verbs() -> set[str]:
    """Return the verbs people use: what `operations` offers and does not only use itself."""
    offered: set[tuple[str, str]] = set()
    used: set[str] = set()
    for module, tree in trees("operations"):
        if module in NOT_FOR_PEOPLE:
            continue
        offered |= {
            (module, node.name)
            for node in tree.body
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "postroom.operations."
            ):
                used |= {alias.name for alias in node.names}
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used.add(f"{node.value.id}.{node.attr}")
    return {
        f"{module}.{name}"
        for module, name in offered
        if name not in used and f"{module}.{name}" not in used
    }


def called_by_the_api() -> set[str]:
    """Return every `module.verb(...)` that a route awaits."""
    return {
        ast.unparse(node.value.func)
        for _, tree in trees("web/api")
        for node in ast.walk(tree)
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call)
    }


def routes() -> set[tuple[str, str]]:
    made = set()
    for handler in ROUTES:
        assert isinstance(handler, HTTPRouteHandler)
        for path in handler.paths:
            made |= {(str(m), re.sub(r"\{[^}]*\}", "{}", path)) for m in handler.http_methods}
    return made


def asked_by(tree: ast.Module) -> set[tuple[str, str]]:
    """Return the routes that a command file asks its desk for."""
    asked = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        named = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) == "seat.desk"
            ):
                path = node.args[0]
                path = named[path.id] if isinstance(path, ast.Name) else path
                method = "POST" if node.func.attr == "follow" else node.func.attr.upper()
                asked.add((method, template(path)))
    return asked


def template(path: ast.expr) -> str:
    if isinstance(path, ast.Constant):
        return str(path.value)
    assert isinstance(path, ast.JoinedStr), ast.unparse(path)
    return "".join(
        str(piece.value) if isinstance(piece, ast.Constant) else "{}" for piece in path.values
    )


def test_there_are_as_many_verbs_as_we_think() -> None:
    found = verbs()
    assert len(found) >= 22, sorted(found)
    assert {"replay.replay", "apply.apply", "explain.explain", "health.health"} <= found


def test_every_verb_has_a_route() -> None:
    assert verbs() - called_by_the_api() == set()


def test_every_route_calls_a_verb() -> None:
    modules = {module for module, _ in trees("operations")}
    called = {one for one in called_by_the_api() if one.partition(".")[0] in modules}
    assert called - {"tokens.who"} == verbs()
    assert len(routes() - OURS) == len(verbs())


def test_every_route_has_a_command_and_no_command_asks_for_another() -> None:
    asked = {route for _, tree in trees("cli") for route in asked_by(tree)}
    assert asked == routes()


def test_every_command_asks_its_desk_or_needs_none() -> None:
    silent = {
        name
        for name, (module, _, _) in COMMANDS.items()
        if not asked_by(ast.parse(source_of(module).read_text()))
    }
    assert silent == NO_ROUTE


def source_of(module: str) -> Path:
    path = SOURCE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
