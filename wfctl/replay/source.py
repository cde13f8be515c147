"""What a workflow's source can tell: which call sites there are, and which exclude each other.

Parsed, never run. All answers are hints for an explanation; no verdict depends on them.
"""

from __future__ import annotations

import ast
import json
import linecache
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from wfctl.replay.model import Location

Branch = tuple[int, str]
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_KINDS: dict[type[ast.stmt], str] = {
    ast.If: "if",
    ast.Match: "match",
    ast.Try: "try",
    ast.For: "loop",
    ast.AsyncFor: "loop",
    ast.While: "loop",
}


@dataclass(slots=True)
class Site:
    """One statement that mentions a name, and the branches it lies in."""

    line: int
    statement: ast.stmt
    branches: tuple[Branch, ...]
    function: ast.AST | None
    file: str = ""

    def lines(self) -> range:
        first, last = _span(self.statement)
        return range(first, last + 1)


@dataclass(slots=True)
class Source:
    """One parsed file."""

    file: str
    tree: ast.Module
    lines: list[str]
    statements: list[Site] = field(default_factory=list)

    def mentions(self, name: str) -> list[Site]:
        """Innermost statements that mention a name: as identifier, attribute or string."""
        name = name.rpartition(".")[2]
        return [site for site in self.statements if name in words(site.statement)]

    def at(self, line: int) -> Site | None:
        """The innermost statement that a line belongs to."""
        best: Site | None = None
        for site in self.statements:
            first, last = _span(site.statement)
            if first <= line <= last and (best is None or first >= _span(best.statement)[0]):
                best = site
        return best

    def text(self, site: Site) -> list[str]:
        """The statement's lines, without their common indent."""
        first, last = _span(site.statement)
        lines = self.lines[first - 1 : last]
        indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        return [line[indent:] for line in lines]

    def patches(self) -> dict[str, list[int]]:
        """Patch ids that are asked for with a literal, and where."""
        found: dict[str, list[int]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("patched", "deprecate_patch"):
                for argument in node.args[:1]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        found.setdefault(argument.value, []).append(node.lineno)
        return found


def source_of(location: Location | None) -> Source | None:
    return parsed(location.file) if location is not None else None


@lru_cache(maxsize=64)
def parsed(file: str) -> Source | None:
    lines = linecache.getlines(file)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return None
    source = Source(file, tree, [line.rstrip("\n") for line in lines])
    source.statements = [replace(site, file=file) for site in _sites(tree.body, (), None)]
    return source


def defined(location: Location) -> Location:
    """Where a location is a function's decorator, its `def` instead: Python counts a function from its first decorator."""
    source = parsed(location.file)
    if source is None:
        return location
    functions = (node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for function in functions:
        if location.line in {decorator.lineno for decorator in function.decorator_list}:
            return replace(location, line=function.lineno)
    return location


def line_text(location: Location) -> str:
    return linecache.getline(location.file, location.line).strip()


def _span(statement: ast.stmt) -> tuple[int, int]:
    """Of a compound statement only its head: its body's statements are sites of their own."""
    body = getattr(statement, "body", None)
    last = statement.end_lineno or statement.lineno
    if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
        last = max(statement.lineno, body[0].lineno - 1)
    return statement.lineno, last


def _sites(body: Sequence[ast.stmt], branches: tuple[Branch, ...], function: ast.AST | None) -> Iterator[Site]:
    for statement in body:
        yield Site(statement.lineno, statement, branches, function)
        inner = statement if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else None
        for label, block in _blocks(statement):
            if inner is not None:
                yield from _sites(block, (), inner if not isinstance(inner, ast.ClassDef) else None)
            else:
                yield from _sites(block, (*branches, (id(statement), label)), function)
        if isinstance(statement, ast.If) and not statement.orelse and _leaves(statement.body):
            # What follows an `if …: return` is its other branch.
            branches = (*branches, (id(statement), "if:orelse"))
        elif isinstance(statement, ast.Try):
            branches = (*branches, (id(statement), "try:after"))


def _blocks(statement: ast.stmt) -> Iterator[tuple[str, list[ast.stmt]]]:
    kind = _KINDS.get(type(statement), "block")
    for label in ("body", "orelse", "finalbody"):
        block = getattr(statement, label, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield f"{kind}:{label}", block
    for number, handler in enumerate(getattr(statement, "handlers", [])):
        yield f"try:handler{number}{'!' if _leaves(handler.body) else ''}", handler.body
    for number, case in enumerate(getattr(statement, "cases", [])):
        yield f"match:case{number}", case.body


def _leaves(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


def own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement's nodes without those of the statements in its body."""
    queue: list[ast.AST] = [statement]
    while queue:
        node = queue.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                queue.append(child)


def words(statement: ast.stmt) -> set[str]:
    """What a statement's own text holds: names, attributes, strings."""
    found: set[str] = set()
    for node in own_nodes(statement):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def strings(statement: ast.stmt) -> set[str]:
    constants = (node.value for node in own_nodes(statement) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def exclusive(one: Site, other: Site) -> bool:
    """Can a run reach only one of the two, in one pass?"""
    labels = dict(one.branches)
    return any(node in labels and _part(labels[node], label) for node, label in other.branches)


def shared_loop(one: Site, other: Site) -> bool:
    """Do both lie in the body of one loop?"""
    mine = {node for node, _ in one.branches}
    return any(node in mine for node, label in other.branches if label == "loop:body")


def next_round(here: Site, site: Site) -> bool:
    """Will a loop that goes on from here come to that statement: does no condition of its own guard it?"""
    loops = [index for index, (_, label) in enumerate(site.branches) if label == "loop:body"]
    if not loops or site.branches[loops[-1]] not in here.branches:
        return False
    return all(branch in here.branches or branch[1] == "try:body" for branch in site.branches[loops[-1] :])


def awaits_in_turn(statement: ast.stmt) -> bool:
    """Is there a comprehension that waits for one item before it goes on to the next?"""
    kinds = (ast.ListComp, ast.SetComp, ast.DictComp)
    found = [node for node in own_nodes(statement) if isinstance(node, kinds)]
    return any(isinstance(node, ast.Await) for one in found for node in ast.walk(one))


def is_conditional(site: Site) -> bool:
    """Does a condition decide, within its function, whether a statement is reached?"""
    return any(label.partition(":")[0] in ("if", "match") or "handler" in label for _, label in site.branches)


def _part(mine: str, other: str) -> bool:
    if mine == other:
        return False
    kind = mine.partition(":")[0]
    if kind in ("if", "match"):
        return True
    if kind != "try":
        return False
    handlers = [one for one in (mine, other) if one.startswith("try:handler")]
    if len(handlers) == 2:
        return True
    rest = other if handlers == [mine] else mine
    return bool(handlers) and (rest == "try:orelse" or (rest == "try:after" and handlers[0].endswith("!")))


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def could_make(site: Site, name: str, arguments: str) -> bool:
    """Could this statement have made a command of that name with these arguments, as far as its literals tell?"""
    if isinstance(site.statement, _DEFINITIONS):
        return False
    name = name.rpartition(".")[2]
    for node in own_nodes(site.statement):
        if isinstance(node, ast.Call) and node.args and name in _names(node.args[0]):
            literals = [pattern for argument in node.args[1:] if (pattern := _pattern(argument))]
            return all(re.search(pattern, arguments) for pattern in literals)
    return True


def _names(node: ast.AST) -> set[str]:
    words = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    words |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
    return words | {str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant)}


def _pattern(argument: ast.expr) -> str:
    """What the JSON of a literal string looks like; empty for what is no literal."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return re.escape(json.dumps(argument.value, ensure_ascii=False))
    if isinstance(argument, ast.JoinedStr):
        parts = [
            re.escape(json.dumps(part.value, ensure_ascii=False)[1:-1]) if isinstance(part, ast.Constant) else ".*"
            for part in argument.values
        ]
        return '"' + "".join(parts) + '"'
    return ""
