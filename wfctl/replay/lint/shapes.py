"""Shapes of code: small questions about a piece of syntax, and how it is shown."""

from __future__ import annotations

import ast
from collections.abc import Sequence

_W = "temporalio.workflow."
UNORDERED = frozenset(
    f"builtins.{name}" for name in ("sorted", "set", "frozenset", "min", "max", "sum", "any", "all", "len")
) | {"collections.Counter"}
ORDERED = frozenset(
    {
        "builtins.list", "builtins.tuple", "builtins.iter", "builtins.enumerate", "builtins.map", "builtins.filter",
        "builtins.zip", "builtins.dict.fromkeys", "functools.reduce", "itertools.chain", "itertools.islice",
        "itertools.batched", "itertools.combinations", "itertools.permutations", "itertools.product", "collections.deque",
        "asyncio.gather", "itertools.chain.from_iterable", "itertools.cycle", "itertools.groupby",
    }
)  # fmt: skip
MUTATORS = frozenset(
    [
        "append",
        "appendleft",
        "extend",
        "extendleft",
        "insert",
        "pop",
        "popleft",
        "popitem",
        "remove",
        "clear",
        "update",
        "add",
        "discard",
        "setdefault",
        "sort",
        "reverse",
        "put_nowait",
    ]
)
PLAIN_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "builtins.Exception"})
MUTABLE = frozenset(
    {
        "builtins.list", "builtins.dict", "builtins.set", "builtins.bytearray", "collections.deque",
        "collections.defaultdict", "collections.OrderedDict", "collections.Counter", "asyncio.Queue", "queue.Queue",
    }
)  # fmt: skip
_REPLACEMENTS = {
    "time.time": "workflow.time()",
    "time.monotonic": "workflow.time()",
    "time.perf_counter": "workflow.time()",
    "time.time_ns": "workflow.time_ns()",
    "datetime.datetime.now": "workflow.now()",
    "datetime.datetime.utcnow": "workflow.now()",
    "datetime.datetime.today": "workflow.now()",
    "datetime.date.today": "workflow.now().date()",
    "time.sleep": "await workflow.sleep(…)",
    "uuid.uuid4": "workflow.uuid4()",
    "uuid.uuid1": "workflow.uuid4()",
    "uuid.uuid7": "workflow.uuid7()",
    "asyncio.wait": "workflow.wait(…)",
    "asyncio.as_completed": "workflow.as_completed(…)",
}
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return, ast.Raise, ast.Assert, ast.Delete)


def shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "…"


def real_name(dotted: str, node: ast.expr) -> str:
    """Tells what a name is when it does not say so itself."""
    plain = dotted.removeprefix("builtins.")
    return "" if shown(node) == plain else f" ({plain})"


def replacement(dotted: str) -> str:
    if dotted in _REPLACEMENTS:
        return f"write {_REPLACEMENTS[dotted]}"
    if dotted.startswith("random.") and dotted != "random.Random":
        return f"write workflow.{dotted.replace('random.', 'random().', 1)}(…)"
    return ""


def leaves(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


def is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def is_timed_wait(called: str, node: ast.Call) -> bool:
    return called == _W + "wait_condition" or (
        called == "asyncio.wait_for" and bool(node.args[1:] or node.keywords)
    )  # fmt: skip


def only_collects(body: Sequence[ast.stmt]) -> bool:
    """The loop only counts, adds up or fills another set: the order does not show."""
    for statement in body:
        match statement:
            case ast.Pass() | ast.Continue():
                pass
            case ast.AugAssign(target=ast.Name(), op=ast.Add() | ast.Sub() | ast.BitOr() | ast.BitAnd(), value=value):
                if _awaits(value) or isinstance(value, ast.List | ast.ListComp | ast.JoinedStr):
                    return False
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add" | "discard")) as call):
                if _awaits(call):
                    return False
            case ast.If(test=test, body=then, orelse=otherwise):
                if _awaits(test) or not (only_collects(then) and only_collects(otherwise)):
                    return False
            case _:
                return False
    return True


def _awaits(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Await) for one in ast.walk(node))


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Reading it is calling it."""
    return any(
        (isinstance(one, ast.Name) and one.id in ("property", "cached_property"))
        or (isinstance(one, ast.Attribute) and one.attr in ("cached_property", "setter", "getter"))
        for one in function.decorator_list
    )


def elements_of(value: ast.expr) -> list[ast.expr]:
    """What a table holds."""
    match value:
        case ast.Dict(values=values):
            return values
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return elements
        case _:
            return []
