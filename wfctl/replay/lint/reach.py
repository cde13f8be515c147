"""From each workflow to everything its code reaches, with the chain of calls that leads there.

Breadth first, so that the chain that is told is the shortest. Calls are followed into the user's own modules;
activities are not, for they do not run in the workflow.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from wfctl.replay.lint import bodies
from wfctl.replay.lint.bodies import Body, Problem, Unit
from wfctl.replay.lint.modules import Function, Module, Project
from wfctl.replay.lint.names import Class, Names
from wfctl.replay.lint.rules import RULES
from wfctl.replay.model import Location, Severity

_HANDLERS = ("run", "signal", "query", "update", "init")
_NO_MATTER_IN_QUERIES = frozenset({"set-order", "hash", "logging"})
"""They are answered live and never replayed; what else is flagged the sandbox refuses in them too."""
_W = "temporalio.workflow."


@dataclass(frozen=True, slots=True)
class LintFinding:
    """A rule broken at a place; `chain` leads there from a workflow, call by call, the place itself last."""

    rule: str
    severity: Severity
    message: str
    location: Location
    chain: tuple[Location, ...] = ()
    workflows: tuple[str, ...] = ()
    fix: str = ""


@dataclass(slots=True)
class Linted:
    """All that was found."""

    findings: list[LintFinding] = field(default_factory=list)
    workflows: list[str] = field(default_factory=list)
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    unit: Unit
    is_read_only: bool  # a query or a validator


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A unit that is reached; `caller` and `line`: from where."""

    unit: Unit
    caller: _Step | None = None
    line: int = 0

    def chain(self, last: Location) -> tuple[Location, ...]:
        places: list[Location] = []
        step: _Step | None = self
        while step is not None and step.caller is not None:
            places.append(step.caller.unit.module.location(step.line, step.caller.unit.name))
            step = step.caller
        return (*reversed(places), last)


def lint(targets: Sequence[str], search: Sequence[str] = ()) -> Linted:
    """Everything wrong with the workflows in these targets; raises `LoadFailure` when a target is nowhere."""
    project = Project(search)
    return _Linter(project).run(project.targets(targets))


@dataclass(frozen=True, slots=True)
class Reached:
    """One workflow and what of its code a replay runs: everything but queries and validators."""

    workflow_type: str
    cls: Class
    units: tuple[Unit, ...]


def reached(targets: Sequence[str], search: Sequence[str] = ()) -> tuple[list[Reached], Callable[[Unit], Body]]:
    """The code of each workflow, and how to read a piece of it."""
    linter = _Linter(Project(search))
    found: dict[int, Reached] = {}
    for module, attribute in linter.project.targets(targets):
        for cls in linter.named(module, attribute):
            seen: set[tuple[object, ...]] = set()
            units = [
                step.unit
                for entry in linter.entries(cls)
                if not entry.is_read_only
                for step in linter.steps(entry.unit, seen)
            ]
            found[id(cls.node)] = Reached(linter.type_of(cls), cls, tuple(units))
    return list(found.values()), linter.body


class _Linter:
    def __init__(self, project: Project) -> None:
        self.project = project
        self.names = Names(project)
        self.bodies: dict[tuple[object, ...], Body] = {}
        self.found: dict[tuple[str, str, int, str], LintFinding] = {}
        self.seen_modules: dict[str, Module] = {}
        self.ignored: set[tuple[str, str, int]] = set()

    def run(self, targets: Sequence[tuple[Module, str]]) -> Linted:
        workflows: list[str] = []
        for module, attribute in targets:
            self.seen_modules[module.name] = module
            for cls in self.named(module, attribute):
                name = self.type_of(cls)
                workflows.append(name)
                self._lint_workflow(cls, name)
        findings = [*self.found.values(), *self._broken(), *self._idle_ignores()]
        order = list(Severity)
        findings.sort(key=lambda one: (one.location.file, one.location.line, order.index(one.severity), one.rule))
        return Linted(findings, list(dict.fromkeys(workflows)), len(self.ignored))

    # Workflows.

    def named(self, module: Module, attribute: str) -> list[Class]:
        """The workflows of a module, or the one that is named; a factory's are those its module knows."""
        found = [cls for cls in self._workflows(module) if not attribute or cls.node.name == attribute]
        return found or (self._of_factory(module) if attribute else [])

    def _workflows(self, module: Module) -> list[Class]:
        return [Class(module, node) for node in module.classes.values() if self._defn(Class(module, node)) is not None]

    def _of_factory(self, module: Module) -> list[Class]:
        """`module:factory`: the workflows that the module defines or imports."""
        found = self._workflows(module)
        for dotted in module.imports.values():
            canonical = self.names.canonical(dotted)
            thing = self.names.find(canonical) if canonical else None
            if thing is not None and thing.cls is not None and self._defn(thing.cls) is not None:
                found.append(thing.cls)
        return found

    def _defn(self, cls: Class) -> ast.expr | None:
        return self._decorator(cls.node.decorator_list, cls.module, ("defn",))

    def _decorator(self, decorators: Sequence[ast.expr], module: Module, names: Sequence[str]) -> ast.expr | None:
        top = self.names.top(module)
        for decorator in decorators:
            dotted = self.names.resolve(decorator.func if isinstance(decorator, ast.Call) else decorator, top)
            if dotted is not None and any(dotted in (name, _W + name) for name in names):
                return decorator
        return None

    def type_of(self, cls: Class) -> str:
        decorator = self._defn(cls)
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
        return cls.node.name

    def entries(self, cls: Class) -> Iterator[_Entry]:
        seen: set[str] = set()
        for owner in self.names.mro(cls):
            validators = _validators(owner)
            for name, method in owner.methods.items():
                read_only = name in validators or bool(self._decorator(method.decorator_list, owner.module, ("query",)))
                is_handler = self._decorator(method.decorator_list, owner.module, _HANDLERS) is not None
                if name in seen or not (is_handler or read_only or name in ("__init__", "__post_init__")):
                    continue
                seen.add(name)
                yield _Entry(Unit(owner.module, method, f"{owner.node.name}.{name}", owner, cls), read_only)
        yield from self._around(cls)

    def _around(self, cls: Class) -> Iterator[_Entry]:
        """Functions beside a workflow that is defined inside of a function, where it mentions them."""
        enclosing = cls.module.enclosing.get(cls.node)
        mentioned = {node.id for node in ast.walk(cls.node) if isinstance(node, ast.Name)}
        for node in enclosing.body if enclosing is not None else ():
            if not isinstance(node, Function) or node.name not in mentioned:
                continue
            if not self._decorator(node.decorator_list, cls.module, ("temporalio.activity.defn",)):
                yield _Entry(Unit(cls.module, node, node.name), False)

    def _lint_workflow(self, cls: Class, name: str) -> None:
        patches: dict[str, list[tuple[bodies.Patch, _Step]]] = {}
        reached: dict[tuple[object, ...], bool] = {}
        entries = sorted(self.entries(cls), key=lambda one: one.is_read_only)
        for entry in entries:
            seen = set() if entry.is_read_only else set(reached)
            for step in self.steps(entry.unit, seen):
                body = self.body(step.unit)
                first_time = step.unit.key not in reached
                reached[step.unit.key] = True
                if entry.is_read_only:
                    self._read_only(body, step, cls, name)
                if not first_time:
                    continue
                for problem in body.problems:
                    if not (entry.is_read_only and problem.rule in _NO_MATTER_IN_QUERIES):
                        self._report(problem, step, name)
                for patch in body.patches:
                    patches.setdefault(patch.id, []).append((patch, step))
        self._judge_patches(patches, name)

    def steps(self, first: Unit, seen: set[tuple[object, ...]]) -> Iterator[_Step]:
        waiting = deque([_Step(first)])
        while waiting:
            step = waiting.popleft()
            if step.unit.key in seen:
                continue
            seen.add(step.unit.key)
            self.seen_modules[step.unit.module.name] = step.unit.module
            yield step
            waiting.extend(_Step(unit, step, line) for unit, line in self.body(step.unit).leads_to)

    def body(self, unit: Unit) -> Body:
        if unit.key not in self.bodies:
            self.bodies[unit.key] = bodies.read(unit, self.names)
        return self.bodies[unit.key]

    # Reporting.

    def _report(self, problem: Problem, step: _Step, workflow: str) -> None:
        rule = RULES[problem.rule]
        severity = rule.severity
        at_import = isinstance(step.unit.node, ast.expr) and step.caller is not None
        message = f"{problem.what}: {_small(rule.title)}"
        if at_import and not step.unit.name.endswith("'s fields"):
            if rule.id in ("logging", "global-state"):
                return
            message += f"; it is evaluated when the module is imported, and is used here as `{step.unit.name}`"
            if rule.id in ("environment", "io", "threads", "network"):
                severity = Severity.WARNING
        module = step.unit.module
        location = module.location(problem.line, "" if at_import else step.unit.name)
        key = (problem.rule, location.file, problem.line, problem.what)
        chain = step.chain(location)
        if self._is_ignored(problem, step):
            self.ignored.add(key[:3])
            return
        known = self.found.get(key)
        if known is None:
            fix = problem.fix or rule.fix
            self.found[key] = LintFinding(problem.rule, severity, message, location, chain, (workflow,), fix)
        elif workflow not in known.workflows:
            self.found[key] = LintFinding(
                known.rule, known.severity, known.message, known.location, known.chain,
                (*known.workflows, workflow), known.fix,
            )  # fmt: skip

    def _is_ignored(self, problem: Problem, step: _Step) -> bool:
        """By a comment at the place itself, or at a call on the way."""
        for ignore in step.unit.module.ignores:
            if any(ignore.covers(problem.rule, line) for line in range(problem.line, problem.last_line + 1)):
                ignore.used.add(problem.rule)
                return True
        while step.caller is not None:
            for ignore in step.caller.unit.module.ignores:
                if ignore.covers(problem.rule, step.line):
                    ignore.used.add(problem.rule)
                    return True
            step = step.caller
        return False

    def _read_only(self, body: Body, step: _Step, cls: Class, name: str) -> None:
        for problem in body.commands:
            self._report(problem, step, name)
        on = step.unit.self_class
        if on is not None and on.node is cls.node and not step.unit.name.endswith("__init__"):
            for problem in body.mutations:
                self._report(problem, step, name)

    def _judge_patches(self, patches: dict[str, list[tuple[bodies.Patch, _Step]]], workflow: str) -> None:
        for id, uses in patches.items():
            places = {(step.unit.module.name, patch.line): (patch, step) for patch, step in uses}
            asked = [use for use in places.values() if not use[0].deprecated]
            deprecated = [use for use in places.values() if use[0].deprecated]
            if asked and deprecated:
                where = _place(*asked[0])
                for patch, step in deprecated:
                    what = f"`deprecate_patch({id!r})` while `patched({id!r})` is asked at {where}"
                    self._report(Problem("patch-contradiction", patch.line, patch.last_line, what), step, workflow)
            for patch, step in asked[1:]:
                what = f"`patched({id!r})` is also asked at {_place(*asked[0])}"
                self._report(Problem("patch-reused", patch.line, patch.last_line, what), step, workflow)

    def _broken(self) -> Iterator[LintFinding]:
        for failure in self.project.broken:
            if failure.location is not None:
                rule = RULES["syntax"]
                yield LintFinding(rule.id, rule.severity, failure.reason, failure.location, fix=rule.fix)

    def _idle_ignores(self) -> Iterator[LintFinding]:
        for module in self.seen_modules.values():
            for ignore in module.ignores:
                why = self._idle(ignore.rules, ignore.reason, ignore.used)
                if why:
                    location = module.location(ignore.written_at)
                    yield LintFinding("ignore", RULES["ignore"].severity, why, location, fix=RULES["ignore"].fix)

    def _idle(self, rules: Sequence[str], reason: str, used: set[str]) -> str:
        if not rules:
            return "the ignore comment names no rule"
        unknown = [name for name in rules if name not in RULES]
        if unknown:
            return f"there is no rule '{unknown[0]}'"
        if not reason:
            return f"ignoring {', '.join(rules)} needs a reason, so it is not ignored"
        idle = [name for name in rules if name not in used]
        return f"there is nothing to ignore of {', '.join(idle)}" if idle else ""


def _validators(cls: Class) -> set[str]:
    """Methods under `@NAME.validator`."""
    return {
        name
        for name, method in cls.methods.items()
        if any(isinstance(one, ast.Attribute) and one.attr == "validator" for one in method.decorator_list)
    }


def _place(patch: bodies.Patch, step: _Step) -> str:
    return f"{step.unit.module.shown}:{patch.line}"


def _small(text: str) -> str:
    return text[0].lower() + text[1:] if not text[1:2].isupper() else text
