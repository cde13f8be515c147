"""Known causes of code that is not deterministic, looked for where a divergence has its place.

A place depends on a cause when the condition it lies under, the loop it lies in, or its own arguments hold a value that no
history gives: of the clock, of chance, of the machine, of a set's order, of a module's state. Values are followed through
names, attributes of `self` and functions of the same module; that is a hint and no proof.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from wfctl.replay.source import Site, Source, dotted, own_nodes, parsed

Cause = tuple[str, int]
"""What kind, and the line that brings it in."""

_CALLS: dict[str, str] = {
    "datetime.datetime.now": "time",
    "datetime.datetime.utcnow": "time",
    "datetime.datetime.today": "time",
    "datetime.date.today": "time",
    "time.time": "time",
    "time.time_ns": "time",
    "time.monotonic": "time",
    "time.monotonic_ns": "time",
    "time.perf_counter": "time",
    "time.perf_counter_ns": "time",
    "time.process_time": "time",
    "time.localtime": "time",
    "time.gmtime": "time",
    "time.ctime": "time",
    "time.strftime": "time",
    "uuid.uuid1": "random",
    "uuid.uuid4": "random",
    "os.urandom": "random",
    "hash": "random",
    "id": "random",
    "open": "env",
    "input": "env",
    "shutil.which": "env",
    "getpass.getuser": "env",
    "pathlib.Path.cwd": "env",
    "pathlib.Path.home": "env",
}
_MODULES = {"random": "random", "secrets": "random", "numpy.random": "random", "socket": "env", "platform": "env"}
_OS_IS_FINE = frozenset({"os.fspath", "os.path.join", "os.path.basename", "os.path.dirname", "os.path.splitext"})
_VALUES = {"os.environ": "env", "sys.argv": "env", "sys.platform": "env", "sys.flags": "env"}
_MAKERS = frozenset({"list", "dict", "set", "defaultdict", "deque", "Counter", "count", "OrderedDict"})
_CHANGERS = frozenset(
    {"append", "add", "update", "pop", "remove", "clear", "extend", "insert", "setdefault", "discard"}
)


def dependence(sites: Sequence[tuple[Source, Site | None]]) -> Cause | None:
    """Why these statements may differ from replay to replay."""
    for source, site in sites:
        found = _of_site(_module(source.file), source, site) if site is not None else None
        if found is not None:
            return found
    return None


@dataclass(slots=True)
class _Module:
    """What one file brings: its imports, its state, its functions that give unstable values."""

    aliases: dict[str, str] = field(default_factory=dict)
    state: frozenset[str] = frozenset()
    sets: set[str] = field(default_factory=set)
    tainted: dict[str, Cause] = field(default_factory=dict)
    functions: dict[str, Cause] = field(default_factory=dict)


@lru_cache(maxsize=64)
def _module(file: str) -> _Module:
    source = parsed(file)
    module = _Module()
    if source is None:
        return module
    module.aliases = _aliases(source.tree)
    module.state = _changed_state(source.tree)
    for _ in range(3):  # a value goes through few hands
        _follow(module, source.tree)
    return module


def _aliases(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                one.asname or one.name.partition(".")[0]: one.name if one.asname else one.name.partition(".")[0]
                for one in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


def _changed_state(tree: ast.Module) -> frozenset[str]:
    """Module variables that code changes: `global`, or a collection that is written to inside a function."""
    collections: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            value = statement.value
            made = isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in _MAKERS
            if made or isinstance(value, ast.List | ast.Dict | ast.Set):
                collections |= {target.id for target in _targets(statement) if isinstance(target, ast.Name)}
    changed: set[str] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                changed |= set(node.names)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGERS:
                changed |= {dotted(node.func.value)} & collections
            elif isinstance(node, ast.Call) and dotted(node.func) == "next":
                changed |= {dotted(argument) for argument in node.args[:1]} & collections
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
                changed |= {dotted(node.value)} & collections
    return frozenset(changed)


def _targets(statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Sequence[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _follow(module: _Module, tree: ast.Module) -> None:
    """Attributes of `self`, module variables and functions that hold or give unstable values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            local = _locals(module, node)
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    found = _unstable(module, inner.value, local)
                    if found is not None:
                        module.functions.setdefault(node.name, found)
            module.tainted |= {name: cause for name, cause in local.items() if name.startswith("self.")}
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            _note(module, statement, module.tainted)


def _locals(module: _Module, function: ast.AST) -> dict[str, Cause]:
    """Names of a function that hold an unstable value; names that hold a set are noted in the module."""
    tainted: dict[str, Cause] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            _note(module, node, tainted)
        elif isinstance(node, ast.NamedExpr):
            found = _unstable(module, node.value, tainted)
            if found is not None:
                tainted[node.target.id] = found
    return tainted


def _note(module: _Module, node: ast.Assign | ast.AnnAssign | ast.AugAssign, tainted: dict[str, Cause]) -> None:
    assert node.value is not None
    found = _unstable(module, node.value, tainted)
    is_set = _is_set(module, node.value)
    for name in filter(None, map(dotted, _targets(node))):
        if found is not None:
            tainted[name] = found
        if is_set:
            module.sets.add(name)


def _is_set(module: _Module, value: ast.expr) -> bool:
    if isinstance(value, ast.Set | ast.SetComp):
        return True
    if isinstance(value, ast.Call):
        if isinstance(value.func, ast.Attribute) and value.func.attr in ("union", "intersection", "difference", "copy"):
            return _is_set(module, value.func.value)
        if dotted(value.func) in ("list", "tuple", "iter", "enumerate", "reversed") and value.args:
            return _is_set(module, value.args[0])
        return dotted(value.func) in ("set", "frozenset")
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(module, value.left) or _is_set(module, value.right)
    return dotted(value) in module.sets


def _of_site(module: _Module, source: Source, site: Site) -> Cause | None:
    tainted = _locals(module, site.function) if site.function is not None else {}
    nodes = {node for node, _ in site.branches}
    holders = [one.statement for one in source.statements if id(one.statement) in nodes]
    for holder in [site.statement, *reversed(holders)]:
        if isinstance(holder, ast.For | ast.AsyncFor) and _is_set(module, holder.iter):
            return "iteration-order", holder.lineno
        for expression in _deciding(holder, is_site=holder is site.statement):
            found = _unstable(module, expression, tainted)
            if found is not None:
                return found
    for node in own_nodes(site.statement):
        if isinstance(node, ast.comprehension) and _is_set(module, node.iter):
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
        yield from (node for node in own_nodes(statement) if isinstance(node, ast.expr))


def _unstable(module: _Module, expression: ast.AST, tainted: dict[str, Cause]) -> Cause | None:
    for node in ast.walk(expression):
        found: str | None = None
        if isinstance(node, ast.Call):
            found = _of_call(_resolved(module, node.func))
            given = module.functions.get(dotted(node.func).removeprefix("self."))
            if found is None and given is not None:
                return given
        elif isinstance(node, ast.Name | ast.Attribute):
            name = dotted(node)
            if name in tainted or name in module.tainted:
                return tainted.get(name) or module.tainted[name]
            found = "global-state" if name in module.state else _VALUES.get(_resolved(module, node))
        if found is not None:
            return found, getattr(node, "lineno", 0)
    return None


def _resolved(module: _Module, node: ast.AST) -> str:
    head, dot, rest = dotted(node).partition(".")
    return module.aliases.get(head, head) + dot + rest


def _of_call(name: str) -> str | None:
    if name.startswith("temporalio.") or not name:
        return None
    if name in _CALLS:
        return _CALLS[name]
    head = name.rpartition(".")[0]
    if head in _MODULES:
        return _MODULES[head]
    return "env" if name.startswith("os.") and name not in _OS_IS_FINE else None
