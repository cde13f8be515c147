"""All source files a workflow is made of: which lines could still make a command, and which come after which.

A workflow is rarely one file: base classes, helpers and steps live in modules of their own, and a helper nobody calls any
more is as good as deleted. Functions are followed by name only, so what is called is never taken for dead; as with
`source`, all answers are hints for an explanation and no verdict depends on them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from wfctl.replay import commands, locating, source
from wfctl.replay.model import Command, Location
from wfctl.replay.source import Site, Source, own_nodes

_MAKERS = re.compile(r"^(execute|start)_(local_)?(activity|child_workflow)(_method|_class)?$|^signal$")
_NOT_OURS = frozenset({"workflow", "activity", "asyncio", "temporalio"})
_BARE = frozenset({"staticmethod", "classmethod", "property", "cached_property", "override", "overload"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_FILES = 200


@dataclass(slots=True)
class Codebase:
    """The files, and which of their functions a run can reach."""

    sources: list[Source]
    live: set[ast.AST] = field(default_factory=set)
    """Functions that live code mentions, or that the SDK calls."""
    calls: dict[str, set[str]] = field(default_factory=dict)
    """By the name of a function, or of a module's variable, the words it is made of."""
    anytime: set[str] = field(default_factory=set)
    """Names of functions that may be called from anywhere: handlers, entries of tables."""
    activities: set[str] = field(default_factory=set)
    entries: set[str] = field(default_factory=set)
    spelled: dict[str, set[str]] = field(default_factory=dict)
    """By registered name (`@activity.defn(name=…)`), what the code calls it by."""

    def mentions(self, name: str) -> list[Site]:
        """Statements of live functions that mention a name, or the function that is registered under it."""
        found = [site for each in self.sources for site in each.mentions(name) if self.is_live(site)]
        if name in self.calls and name not in self.activities | self.entries:
            # The workflow's own function of that name is another thing; only a string means the command.
            found = [site for site in found if name in source.strings(site.statement)]
        for other in self.spelled.get(name, ()):
            found += [one for each in self.sources for one in each.mentions(other) if self.is_live(one)]
        return found

    def spells(self, statement: ast.stmt, name: str) -> bool:
        return bool(source.words(statement) & {name.rpartition(".")[2], *self.spelled.get(name, ())})

    def is_live(self, site: Site) -> bool:
        return not isinstance(site.function, _Function) or site.function in self.live

    def hands_on(self, site: Site) -> bool:
        """May workflow code get a name from this statement: from a line of its own, or a table that it reads?

        What only a worker is told, the list of its activities, says nothing of what a workflow does.
        """
        if _sets_up(site):
            return False
        if site.function is not None:
            return True
        targets = getattr(site.statement, "targets", None) or [getattr(site.statement, "target", None)]
        names = [one.id for one in targets if isinstance(one, ast.Name)]
        readers = [one for name in names for one in self.mentions(name) if one.function is not None]
        return not all(map(_sets_up, readers))

    def makers(self) -> Iterator[Site]:
        """Live statements that make a command whose name is not spelled there: a variable, an f-string."""
        for each in self.sources:
            for site in each.statements:
                if self.is_live(site) and any(_is_computed(site, name) for name in maker_names(site)):
                    yield site

    def makes(self, site: Site) -> bool:
        """Does this statement make a command, itself or through what it calls?"""
        return any(maker_names(site)) or bool(self._reached(source.words(site.statement)) & self._making())

    def _making(self) -> set[str]:
        return {name for name, words in self.calls.items() if any(_MAKERS.match(word) for word in words)}

    def leads_to(self, words: set[str], function: str) -> bool:
        """Can what these words call come to that function?"""
        return function in self._reached(words)

    def _reached(self, words: set[str]) -> set[str]:
        seen: set[str] = set()
        waiting = [word for word in words if word in self.calls]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting.extend(word for word in self.calls[one] if word in self.calls)
        return seen


def _sets_up(site: Site) -> bool:
    """Does the statement tell a worker what it has?"""
    calls = (node for node in own_nodes(site.statement) if isinstance(node, ast.Call))
    return any(keyword.arg in ("activities", "workflows") for call in calls for keyword in call.keywords)


def maker_names(site: Site) -> Iterator[ast.expr]:
    """What a statement's own commands are named by: the first argument of each call that makes one."""
    for node in own_nodes(site.statement):
        if isinstance(node, ast.Call) and node.args and _MAKERS.match(source.dotted(node.func).rpartition(".")[2]):
            yield node.args[0]


def _is_computed(site: Site, name: ast.expr) -> bool:
    if isinstance(name, ast.Constant):
        return False
    if not isinstance(name, ast.Name | ast.Attribute):
        return True
    return source.dotted(name).partition(".")[0] in _bound(site.function)


def _bound(function: ast.AST | None) -> set[str]:
    """Names that a function gives a value: parameters, and what it assigns or loops over."""
    if not isinstance(function, _Function):
        return set()
    given = function.args
    names = {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs) if one.arg not in ("self", "cls")}
    return names | {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def uses_parameters(site: Site) -> bool:
    """Does a statement depend on what its function was called with? Then the caller's line says more."""
    if not isinstance(site.function, _Function) or site.function.name.startswith("__"):
        return False
    if any(not _is_bare(one) for one in site.function.decorator_list):
        return False
    given = site.function.args
    names = {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {"self", "cls"}
    return any(isinstance(node, ast.Name) and node.id in names for node in own_nodes(site.statement))


def place(frames: Sequence[Location], made: Command) -> Location:
    """The line that a command is put down to.

    Of nested frames the innermost that spells its name. Timers and attributes have none: there it is the line that
    decides what they say, so not a helper's that only passes on what it was called with.
    """
    if made.kind not in (commands.TIMER, commands.UPSERT, commands.MEMO):
        return naming(frames, made.name)
    for inner, outer in pairwise(frames):
        parsed = source.parsed(inner.file)
        site = parsed.at(inner.line) if parsed is not None else None
        if site is None or inner.function == outer.function or not uses_parameters(site):
            return inner
    return frames[-1]


def naming(frames: Sequence[Location], name: str) -> Location:
    """Of nested frames the innermost that spells a name; a helper that takes it as an argument does not."""
    code = of(frame.file for frame in frames) if name and len(frames) > 1 else None
    for frame in frames if code is not None else ():
        parsed = source.parsed(frame.file)
        site = parsed.at(frame.line) if parsed is not None else None
        if code is not None and site is not None and code.spells(site.statement, name):
            return frame
    return frames[0]


def of(files: Iterable[str]) -> Codebase:
    """The code that these files and what they import, as far as it is the user's own, amount to."""
    return _of(tuple(sorted(set(files))))


@lru_cache(maxsize=32)
def _of(files: tuple[str, ...]) -> Codebase:
    sources = [one for one in map(source.parsed, _reachable(files)) if one is not None]
    found = Codebase(sources)
    ours = {node.name for each in sources for node in ast.walk(each.tree) if isinstance(node, ast.ClassDef)}
    wrapping = {function.name for each in sources for function, _ in _functions(each.tree) if _only_wraps(function)}
    by_name: dict[str, list[_Function]] = {}
    waiting: list[_Function] = []
    mentioned: set[str] = set()
    for each in sources:
        for function, owner in _functions(each.tree):
            if _is_activity(function):
                found.activities.add(function.name)
                continue  # what activities do is no command of the workflow's
            found.calls.setdefault(function.name, set()).update(_called(function))
            by_name.setdefault(function.name, []).append(function)
            if _is_entry(function, owner, ours, wrapping):
                waiting.append(function)
                found.entries.add(function.name)
        for name, words in _variables(each.tree):
            found.calls.setdefault(name, set()).update(words)
        _note_names(each.tree, found.spelled)
        mentioned |= _outside(each.tree)
    found.anytime = found.entries | mentioned
    waiting += [function for name in mentioned for function in by_name.get(name, ())]
    while waiting:
        function = waiting.pop()
        if function not in found.live:
            found.live.add(function)
            waiting += [other for name in _called(function) for other in by_name.get(name, ())]
    return found


def _variables(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """The module's own names for things: `run_activity = partial(workflow.execute_activity, …)`, tables of functions."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            words = {word for node in ast.walk(statement.value) if (word := _word(node))}
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                if isinstance(target, ast.Name):
                    yield target.id, words


def _note_names(tree: ast.Module, spelled: dict[str, set[str]]) -> None:
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", ()):
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    spelled.setdefault(str(keyword.value.value), set()).add(getattr(node, "name", ""))


def _functions(tree: ast.Module) -> Iterator[tuple[_Function, ast.ClassDef | None]]:
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _Function):
                yield child, node if isinstance(node, ast.ClassDef) else None


def _is_entry(function: _Function, owner: ast.ClassDef | None, ours: set[str], wrapping: set[str]) -> bool:
    """Called by others than the code at hand: handlers, special methods, what overrides somebody else's method."""
    calls = [one.func if isinstance(one, ast.Call) else one for one in function.decorator_list]
    if function.name.startswith("__") or any(not _is_bare(one) and source.dotted(one) not in wrapping for one in calls):
        return True
    return owner is not None and any(source.dotted(base).rpartition(".")[2] not in ours for base in owner.bases)


def _is_activity(function: _Function) -> bool:
    calls = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return any(source.dotted(one).endswith("activity.defn") for one in calls)


def _only_wraps(function: _Function) -> bool:
    """As a decorator, does it keep no list of what it decorates?"""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            return False
        if isinstance(node, ast.Attribute) and node.attr in ("append", "add", "setdefault", "update", "register"):
            return False
    return True


def _is_bare(decorator: ast.expr) -> bool:
    return source.dotted(decorator).rpartition(".")[2] in _BARE


def _called(function: _Function) -> set[str]:
    return {word for statement in function.body for node in ast.walk(statement) if (word := _word(node))}


def _word(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and source.dotted(node.value) not in _NOT_OURS:
        return node.attr
    # The SDK's own calls are told by their names wherever they come from.
    return node.attr if isinstance(node, ast.Attribute) and _MAKERS.match(node.attr) else ""


def _outside(tree: ast.Module) -> set[str]:
    """Words of the module's and its classes' own statements: tables of functions, decorators' arguments."""
    words: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Function):
            waiting.extend(node.args.defaults)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            words.add(_word(node))
            waiting.extend(ast.iter_child_nodes(node))
    return words


def _reachable(files: Sequence[str]) -> list[str]:
    """These files, and the user's modules that they import, directly or not."""
    names = {str(getattr(module, "__file__", None)): name for name, module in list(sys.modules.items())}
    seen: list[str] = []
    waiting = list(files)
    while waiting and len(seen) < _FILES:
        file = waiting.pop(0)
        parsed = source.parsed(file) if file not in seen else None
        if parsed is None:
            continue
        seen.append(file)
        for name in imported(parsed.tree, names.get(file, ""), is_package=file.endswith("__init__.py")):
            other = getattr(sys.modules.get(name), "__file__", None)
            if other and locating.rank(other) == 2:
                waiting.append(other)
    return seen


def imported(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[str]:
    """Names of modules that a module's imports may mean."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = parts[: len(parts) - node.level + (1 if is_package else 0)]
                base = ".".join([*kept, base] if base else kept)
            yield base
            yield from (f"{base}.{one.name}" for one in node.names)


def enclosing(site: Site, frames: Sequence[Location]) -> tuple[Location, Site] | None:
    """The frame that runs the function a site lies in, and the statement it is at."""
    for frame in frames:
        parsed = source.parsed(frame.file)
        here = parsed.at(frame.line) if parsed is not None else None
        if here is not None and here.function is site.function and here.function is not None:
            return frame, here
    return None


def may_follow(code: Codebase, frames: Sequence[Location], site: Site) -> bool:
    """May a run that is in these frames still come to that line, going forward or round a loop?"""
    if not frames or site.function is None:
        return True
    same = enclosing(site, frames)
    if same is not None:
        # A call that is not done yet may still make it.
        if (same[1] is site and same[0] != frames[0]) or _after(same[1], site):
            return True
        frames = frames[frames.index(same[0]) + 1 :]
    assert isinstance(site.function, _Function)
    if same is None and site.function.name in code.anytime:
        return True
    for frame in frames:
        parsed = source.parsed(frame.file)
        here = parsed.at(frame.line) if parsed is not None else None
        if here is None or parsed is None:
            continue
        rest = [one for one in parsed.statements if one.function is here.function and _after(here, one)]
        if any(code.leads_to(source.words(one.statement), site.function.name) for one in rest):
            return True
    return False


def _after(here: Site, site: Site) -> bool:
    """Later in the function, not in a branch that excludes it; or, for certain, in the next round of a loop."""
    if site.statement is here.statement and source.awaits_in_turn(site.statement):
        return True
    if site.line > here.line:
        return source.shared_loop(here, site) or not source.exclusive(here, site)
    return source.next_round(here, site)


def comes_often(code: Codebase, site: Site) -> bool:
    """May one run come to that line more than once?"""
    if any(label == "loop:body" for _, label in site.branches):
        return True
    return isinstance(site.function, _Function) and site.function.name in code.anytime and site.function.name != "run"
