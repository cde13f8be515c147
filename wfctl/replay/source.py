"""What a workflow's source can tell: which call sites there are, which exclude each other, what they depend on.

Parsed, never run. All answers are hints for an explanation; no verdict depends on them.
"""

from __future__ import annotations

import ast
import json
import linecache
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from wfctl.replay.model import Location

Branch = tuple[int, str]
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_KINDS: dict[type[ast.stmt], str] = {ast.If: "if", ast.Match: "match", ast.Try: "try"}

_CALLS: dict[str, str] = {
    "time.time": "time",
    "time.time_ns": "time",
    "time.monotonic": "time",
    "time.monotonic_ns": "time",
    "time.perf_counter": "time",
    "time.localtime": "time",
    "time.gmtime": "time",
    "datetime.now": "time",
    "datetime.utcnow": "time",
    "datetime.today": "time",
    "date.today": "time",
    "datetime.datetime.now": "time",
    "datetime.datetime.utcnow": "time",
    "datetime.date.today": "time",
    "uuid.uuid1": "random",
    "uuid.uuid4": "random",
    "uuid4": "random",
    "uuid1": "random",
    "os.urandom": "random",
    "os.getenv": "env",
    "os.environ.get": "env",
    "getenv": "env",
    "os.getpid": "env",
    "os.cpu_count": "env",
    "os.listdir": "env",
    "os.path.exists": "env",
    "open": "env",
    "socket.gethostname": "env",
    "platform.node": "env",
    "platform.system": "env",
    "getpass.getuser": "env",
}
_MODULES = {"random": "random", "secrets": "random"}
_RANDOM_NAMES = frozenset({"randint", "random", "choice", "shuffle", "uniform", "randrange", "sample", "token_hex"})


@dataclass(slots=True)
class Site:
    """One statement that mentions a name, and the branches it lies in."""

    line: int
    statement: ast.stmt
    branches: tuple[Branch, ...]
    function: ast.AST | None

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
    mutable_globals: frozenset[str] = frozenset()
    set_globals: frozenset[str] = frozenset()

    def mentions(self, name: str) -> list[Site]:
        """Innermost statements that mention a name: as identifier, attribute or string."""
        name = name.rpartition(".")[2]
        return [site for site in self.statements if name in _words(site.statement)]

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
            if isinstance(node, ast.Call) and _dotted(node.func).rpartition(".")[2] in ("patched", "deprecate_patch"):
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
    source.statements = list(_sites(tree.body, (), None))
    source.mutable_globals, source.set_globals = _globals(tree)
    return source


def naming(places: Sequence[Location], name: str) -> Location:
    """Of nested frames the innermost that spells the command's name; a helper that takes it as an argument does not."""
    for place in places:
        source = parsed(place.file) if name else None
        site = source.at(place.line) if source is not None else None
        if site is not None and name.rpartition(".")[2] in _words(site.statement):
            return place
    return places[0]


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


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement's nodes without those of the statements in its body."""
    queue: list[ast.AST] = [statement]
    while queue:
        node = queue.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                queue.append(child)


def _words(statement: ast.stmt) -> set[str]:
    words: set[str] = set()
    for node in _own_nodes(statement):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
    return words


def exclusive(one: Site, other: Site) -> bool:
    """Can a run reach only one of the two, in one pass?"""
    labels = dict(one.branches)
    return any(node in labels and _part(labels[node], label) for node, label in other.branches)


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


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _globals(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    mutable: set[str] = set()
    sets: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if isinstance(statement.value, ast.List | ast.Dict | ast.Set) or _is_maker(statement.value):
                mutable |= names
            if _is_set(statement.value, frozenset()):
                sets |= names
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            mutable |= set(node.names)
    return frozenset(mutable), frozenset(sets)


def _is_maker(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _dotted(value.func).rpartition(".")[2] in (
        "list",
        "dict",
        "set",
        "defaultdict",
        "deque",
        "Counter",
        "count",
    )


def _is_set(value: ast.expr, known: frozenset[str]) -> bool:
    if isinstance(value, ast.Set | ast.SetComp):
        return True
    if isinstance(value, ast.Call):
        return _dotted(value.func) in ("set", "frozenset")
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(value.left, known) or _is_set(value.right, known)
    return isinstance(value, ast.Name) and value.id in known


def could_make(site: Site, name: str, arguments: str) -> bool:
    """Could this statement have made a command of that name with these arguments, as far as its literals tell?"""
    if isinstance(site.statement, _DEFINITIONS):
        return False
    name = name.rpartition(".")[2]
    for node in _own_nodes(site.statement):
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


# What a place depends on


def dependence(source: Source, sites: Sequence[Site | None]) -> tuple[str, int] | None:
    """Why these statements may differ from replay to replay: a kind of cause and its line."""
    for site in sites:
        if site is None:
            continue
        found = _dependence(source, site)
        if found is not None:
            return found
    return None


def _dependence(source: Source, site: Site) -> tuple[str, int] | None:
    tainted, sets = _taints(source, site.function)
    nodes = {node for node, _ in site.branches}
    holders = [one.statement for one in source.statements if id(one.statement) in nodes]
    for holder in [site.statement, *reversed(holders)]:
        for expression in _deciding(holder, is_site=holder is site.statement):
            found = _unstable(source, expression, tainted)
            if found is not None:
                return found
        if isinstance(holder, ast.For | ast.AsyncFor) and _is_set(holder.iter, sets):
            return "iteration-order", holder.lineno
    for node in _own_nodes(site.statement):
        if isinstance(node, ast.comprehension) and _is_set(node.iter, sets):
            return "iteration-order", node.iter.lineno
    return None


def _deciding(statement: ast.stmt, *, is_site: bool) -> Iterator[ast.AST]:
    """The expressions of a statement that decide what is reached, or what is asked for."""
    if isinstance(statement, ast.If | ast.While):
        yield statement.test
    elif isinstance(statement, ast.Match):
        yield statement.subject
    elif isinstance(statement, ast.For | ast.AsyncFor):
        yield statement.iter
    elif is_site:
        yield from (node for node in _own_nodes(statement) if isinstance(node, ast.expr))


def _taints(source: Source, function: ast.AST | None) -> tuple[dict[str, tuple[str, int]], frozenset[str]]:
    """Names of a function that hold a value that is not in the history, and names that hold a set."""
    tainted: dict[str, tuple[str, int]] = {}
    sets: set[str] = set(source.set_globals)
    for node in ast.walk(function or source.tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [_dotted(target) for target in targets]
            found = _unstable(source, node.value, tainted)
            for name in filter(None, names):
                if found is not None:
                    tainted[name] = found
                if _is_set(node.value, frozenset(sets)):
                    sets.add(name)
    return tainted, frozenset(sets)


def _unstable(source: Source, expression: ast.AST, tainted: dict[str, tuple[str, int]]) -> tuple[str, int] | None:
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            cause = _cause(_dotted(node.func))
            if cause is not None:
                return cause, node.lineno
        elif isinstance(node, ast.Subscript) and _dotted(node.value).endswith("environ"):
            return "env", node.lineno
        elif isinstance(node, ast.Name | ast.Attribute):
            name = _dotted(node)
            if name in tainted:
                return tainted[name]
            if name in source.mutable_globals:
                return "global-state", node.lineno
    return None


def _cause(dotted: str) -> str | None:
    if dotted.startswith("workflow."):
        return None
    if dotted in _CALLS:
        return _CALLS[dotted]
    head, _, last = dotted.rpartition(".")
    if head in _MODULES:
        return _MODULES[head]
    return "random" if not head and last in _RANDOM_NAMES else None
