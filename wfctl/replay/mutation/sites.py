"""What can be changed: commands dropped, doubled, renamed, swapped; sleeps and patches removed; branches turned round.

Only code that a replay runs is changed: what the workflows' run methods, signal and update handlers reach, not queries, not
activities. A call of a function that makes commands counts as a command itself.
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from wfctl.replay.lint.bodies import Body, Unit
from wfctl.replay.lint.modules import Function
from wfctl.replay.lint.reach import Reached, reached
from wfctl.replay.model import Location

_W = "temporalio.workflow."
_SLEEPS = frozenset({_W + "sleep", "asyncio.sleep"})
_WAITS = frozenset({_W + "wait_condition", "asyncio.wait_for"})
_PATCHES = frozenset({_W + "patched", _W + "deprecate_patch"})
_NAMED = {_W + f"{verb}_{noun}": noun.split("_")[0]
          for verb in ("execute", "start")
          for noun in ("activity", "local_activity", "child_workflow")}  # fmt: skip
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change, as code to import in place of a file's."""

    kind: str
    title: str
    workflow_types: tuple[str, ...]
    location: Location
    last_line: int
    file: str
    code: bytes
    """The module, compiled and marshalled."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replaces an item of a list, or a field of a node."""

    kind: str
    title: str
    at: ast.stmt | ast.expr
    apply: Callable[[], Callable[[], None]]
    """Does it, and returns how to undo it."""


def mutations(targets: Sequence[str], search: Sequence[str] = ()) -> list[Mutation]:
    """Every change, in the order of the code."""
    workflows, read = reached(targets, search)
    makers = _Makers(read)
    owners: dict[int, list[str]] = {}
    units: dict[int, Unit] = {}
    for workflow in workflows:
        for unit in workflow.units:
            if isinstance(unit.node, ast.FunctionDef | ast.AsyncFunctionDef) and not unit.live_only:
                units.setdefault(id(unit.node), unit)
                names = owners.setdefault(id(unit.node), [])
                if workflow.workflow_type not in names:
                    names.append(workflow.workflow_type)
    found: list[Mutation] = []
    for unit in units.values():
        for edit in _edits(unit, makers):
            mutation = _made(unit, edit, owners[id(unit.node)])
            if mutation is not None:
                found.append(mutation)
    return sorted(found, key=lambda one: (one.file, one.location.line, one.kind, one.title))


def statements(workflow: Reached) -> dict[str, dict[int, int]]:
    """The lines of the code that replays of a workflow run: file → first line of each statement → its last line."""
    lines: dict[str, dict[int, int]] = {}
    for unit in workflow.units:
        if not isinstance(unit.node, ast.FunctionDef | ast.AsyncFunctionDef) or unit.live_only:
            continue
        of_file = lines.setdefault(str(unit.module.path), {})
        for block in _blocks(unit.node):
            for statement in block:
                if not _is_docstring(statement) and not isinstance(statement, ast.Global | ast.Nonlocal):
                    of_file[statement.lineno] = _head_end(statement)
    return lines


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _head_end(statement: ast.stmt) -> int:
    """The last line of what runs first: of a compound statement only its head."""
    body: list[ast.stmt] = getattr(statement, "body", [])
    if body:
        return max(statement.lineno, min(child.lineno for child in body) - 1)
    return statement.end_lineno or statement.lineno


class _Makers:
    """Which units make commands, themselves or through what they call."""

    def __init__(self, read: Callable[[Unit], Body]) -> None:
        self.read = read
        self._known: dict[tuple[object, ...], bool] = {}

    def makes(self, unit: Unit) -> bool:
        if unit.key not in self._known:
            self._known[unit.key] = False  # until shown otherwise; ends recursion
            calls = self.read(unit).calls
            self._known[unit.key] = any(isinstance(call, str) or self.makes(call) for _, call in calls)
        return self._known[unit.key]

    def calls(self, unit: Unit) -> dict[int, str]:
        """The calls of a unit that make commands: by node, the command's name, or nothing for a call of a helper."""
        return {
            id(node): call if isinstance(call, str) else ""
            for node, call in self.read(unit).calls
            if isinstance(node, ast.Call) and (isinstance(call, str) or self.makes(call))
        }


def _made(unit: Unit, edit: _Edit, workflow_types: Sequence[str]) -> Mutation | None:
    undo = edit.apply()
    try:
        code = compile(ast.fix_missing_locations(unit.module.tree), str(unit.module.path), "exec")
    except (SyntaxError, ValueError):
        return None
    finally:
        undo()
    place = unit.module.location(edit.at.lineno, unit.name)
    last = edit.at.end_lineno or edit.at.lineno
    file = str(unit.module.path)
    return Mutation(edit.kind, edit.title, tuple(workflow_types), place, last, file, marshal.dumps(code))


# Finding edits.


def _edits(unit: Unit, makers: _Makers) -> Iterator[_Edit]:
    calls = makers.calls(unit)
    assert isinstance(unit.node, ast.FunctionDef | ast.AsyncFunctionDef)
    for block in _blocks(unit.node):
        for index, statement in enumerate(block):
            if isinstance(statement, _SIMPLE):
                made = [node for node in ast.walk(statement) if id(node) in calls]
                if made:
                    yield from _of_statement(block, index, {calls[id(node)] for node in made})
                    yield from _swap(block, index, calls)
            elif isinstance(statement, ast.If) and _decides(statement, block[index + 1 :], calls, unit):
                yield _negation(statement)
    for node in ast.walk(unit.node):
        if isinstance(node, ast.Call) and id(node) in calls:
            yield from _of_call(unit.node, node, calls[id(node)])


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(node):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield from _blocks(child)


def _of_statement(block: list[ast.stmt], index: int, names: set[str]) -> Iterator[_Edit]:
    statement = block[index]
    if names <= _PATCHES:
        return
    what = _what(names)
    text = _shown(statement)
    emptied = _emptied(statement)
    yield _Edit(f"drop-{what}", f"without `{text}`", statement, _replacing(block, index, [emptied]))
    # Doubling a call of a helper may change nothing at all: the helper may have nothing left to do.
    if (
        what == "command"
        and not names & {"", _W + "continue_as_new"}
        and isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign)
    ):
        value = statement.value
        assert value is not None
        again = ast.copy_location(ast.Expr(value), statement)
        yield _Edit("duplicate-command", f"`{text}` twice", statement, _replacing(block, index, [again, statement]))


def _what(names: set[str]) -> str:
    if names <= _SLEEPS:
        return "sleep"
    return "wait" if names <= _WAITS else "command"


def _emptied(statement: ast.stmt) -> ast.stmt:
    nothing = ast.Constant(None)
    match statement:
        case ast.Assign(targets=targets):
            new: ast.stmt = ast.Assign(targets, nothing)
        case ast.AnnAssign(target=target, annotation=annotation, simple=simple):
            new = ast.AnnAssign(target, annotation, nothing, simple)
        case ast.Return():
            new = ast.Return(nothing)
        case _:
            new = ast.Pass()
    return ast.copy_location(new, statement)


def _swap(block: list[ast.stmt], index: int, calls: dict[int, str]) -> Iterator[_Edit]:
    """With the next statement that makes commands, right after this one."""
    if index + 1 >= len(block):
        return
    one, other = block[index], block[index + 1]
    if isinstance(one, ast.Return) or not isinstance(other, _SIMPLE) or isinstance(other, ast.Return):
        return
    if _is_deferred(one) or _is_deferred(other):
        return
    if ast.dump(one) != ast.dump(other) and any(id(node) in calls for node in ast.walk(other)):
        title = f"`{_shown(other)}` before `{_shown(one)}`"

        def apply() -> Callable[[], None]:
            block[index], block[index + 1] = other, one

            def undo() -> None:
                block[index], block[index + 1] = one, other

            return undo

        yield _Edit("swap-commands", title, one, apply)


def _is_deferred(statement: ast.stmt) -> bool:
    """A task of its own makes its commands later, whichever statement comes first."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("create_task", "ensure_future")
        for node in ast.walk(statement)
    )


def _decides(statement: ast.If, after: Sequence[ast.stmt], calls: dict[int, str], unit: Unit) -> bool:
    """What runs on either side differs in commands, in how the function ends, or in the workflow's state."""
    inside = [*statement.body, *statement.orelse]
    if any(id(node) in calls for one in inside for node in ast.walk(one)):
        return True
    if any(
        isinstance(node, ast.Return | ast.Raise | ast.Break | ast.Continue) for one in inside for node in ast.walk(one)
    ):
        return True
    return any(_changes_self(node) for one in inside for node in ast.walk(one))


def _changes_self(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
    )


def _negation(statement: ast.If) -> _Edit:
    test = statement.test

    def apply() -> Callable[[], None]:
        statement.test = ast.copy_location(ast.UnaryOp(ast.Not(), test), test)

        def undo() -> None:
            statement.test = test

        return undo

    is_patch = isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "patched"
    kind = "invert-patch" if is_patch else "change-branch"
    return _Edit(kind, f"`if not ({_shown(test)})`", test, apply)


def _of_call(function: Function, call: ast.Call, name: str) -> Iterator[_Edit]:
    if name == _W + "patched":
        yield _Edit(
            "remove-patch", f"`{_shown(call)}` taken for granted", call, _exchanging(function, call, ast.Constant(True))
        )
    noun = _NAMED.get(name)
    if noun is None or not call.args:
        return
    first = call.args[0]
    renamed = ast.copy_location(ast.Constant(f"{_last_name(first)}_renamed"), first)

    def apply() -> Callable[[], None]:
        call.args[0] = renamed

        def undo() -> None:
            call.args[0] = first

        return undo

    what = {"activity": "activity", "local": "local activity", "child": "child workflow"}[noun]
    yield _Edit("rename-command", f"{what} `{_shown(first)}` under another name", call, apply)


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.Attribute(attr="run", value=value):
            return _last_name(value)
        case ast.Attribute(attr=attr):
            return attr
        case ast.Name(id=name):
            return name
        case _:
            return "it"


# Making edits.


def _replacing(block: list[ast.stmt], index: int, new: list[ast.stmt]) -> Callable[[], Callable[[], None]]:
    def apply() -> Callable[[], None]:
        old = block[index]
        block[index : index + 1] = new

        def undo() -> None:
            block[index : index + len(new)] = [old]

        return undo

    return apply


def _exchanging(function: Function, old: ast.expr, new: ast.expr) -> Callable[[], Callable[[], None]]:
    """One expression for another, wherever in the function it stands."""
    ast.copy_location(new, old)

    def put(before: ast.expr, after: ast.expr) -> None:
        for parent in ast.walk(function):
            for name, value in ast.iter_fields(parent):
                if value is before:
                    setattr(parent, name, after)
                    return
                if isinstance(value, list) and any(item is before for item in value):
                    value[next(i for i, item in enumerate(value) if item is before)] = after
                    return

    def apply() -> Callable[[], None]:
        put(old, new)
        return lambda: put(new, old)

    return apply


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else text[:69] + "…"
