"""One function read: what it does that a replay cannot repeat, and what else it leads to.

A body is read once for each class it may run on; what is said of it does not depend on who calls it. Branches that never
run in a workflow (`if not workflow.in_workflow()`), or only run live (`if not workflow.unsafe.is_replaying()`), are known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from wfctl.replay.lint import rules
from wfctl.replay.lint.modules import Function, Module
from wfctl.replay.lint.names import Class, Names, Scope
from wfctl.replay.lint.shapes import (
    MUTABLE,
    MUTATORS,
    ORDERED,
    PLAIN_BASES,
    SIMPLE,
    UNORDERED,
    elements_of,
    is_property,
    is_super,
    is_timed_wait,
    leaves,
    only_collects,
    real_name,
    replacement,
    shown,
)

_W = "temporalio.workflow."
_REPLAYING = _W + "unsafe.is_replaying"
_IN_WORKFLOW = _W + "in_workflow"


@dataclass(frozen=True, slots=True)
class Unit:
    """Something to read: a function as run on a class, or an expression that is evaluated at import."""

    module: Module
    node: Function | ast.expr
    name: str
    owner: Class | None = None
    """The class whose body defines it."""
    self_class: Class | None = None
    """The class it runs on."""
    live_only: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        on = self.self_class.dotted if self.self_class else ""
        return (id(self.node), on, self.live_only)


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule broken in a unit."""

    rule: str
    line: int
    last_line: int
    what: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    id: str
    line: int
    last_line: int
    deprecated: bool


@dataclass(slots=True)
class Body:
    """What was read."""

    problems: list[Problem] = field(default_factory=list)
    leads_to: list[tuple[Unit, int]] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    commands: list[Problem] = field(default_factory=list)
    mutations: list[Problem] = field(default_factory=list)
    calls: list[tuple[ast.AST, Unit | str]] = field(default_factory=list)
    """The calls that matter: what they lead to, or the name of the command they make."""


def read(unit: Unit, names: Names) -> Body:
    reader = _Reader(unit, names)
    node = unit.node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        reader.scope = names.inside(node, names.around(unit.module, unit.owner), unit.self_class)
        for default in [*node.args.defaults, *[one for one in node.args.kw_defaults if one is not None]]:
            reader.visit(default)
        reader.block(node.body)
    else:
        reader.at_import = True
        reader.visit(node)
    return reader.body


class _Reader(ast.NodeVisitor):
    def __init__(self, unit: Unit, names: Names) -> None:
        self.unit, self.names = unit, names
        self.scope: Scope = names.top(unit.module)
        self.body = Body()
        self.at_import = False
        self.live_only = unit.live_only
        self._statement: ast.stmt | None = None
        self._order_is_lost: set[int] = set()
        """Expressions whose order does not matter: they go straight into sorted(), sum() and the like."""
        self._handed_over: set[int] = set()
        """Arguments of calls: a function among them is a callback, and will be called."""

    # Saying it.

    def _say(self, rule: str, node: ast.expr | ast.stmt, what: str, fix: str = "") -> None:
        if self.live_only and rule not in ("replaying-command", "sleep", "direct-activity"):
            return
        problem = self._problem(rule, node, what, fix)
        if all((one.rule, one.line) != (rule, problem.line) for one in self.body.problems):
            self.body.problems.append(problem)

    def _problem(self, rule: str, node: ast.expr | ast.stmt, what: str, fix: str = "") -> Problem:
        first, last = node.lineno, node.end_lineno or node.lineno
        if isinstance(self._statement, SIMPLE):
            last = max(last, self._statement.end_lineno or last)
        return Problem(rule, first, last, what, fix)

    def _lead(self, unit: Unit, node: ast.AST) -> None:
        self.body.leads_to.append((unit, getattr(node, "lineno", 0)))
        self.body.calls.append((node, unit))

    # Statements.

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Statements in a row; what comes after `if is_replaying(): return` only runs live."""
        was = self.live_only
        for statement in statements:
            self.visit(statement)
            if isinstance(statement, ast.If) and leaves(statement.body):
                asked = self._question(statement.test)
                if asked == (_REPLAYING, True):
                    self.live_only = True
                elif asked == (_IN_WORKFLOW, True):
                    break
        self.live_only = was

    def generic_visit(self, node: ast.AST) -> None:
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self.block(value)
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def visit(self, node: ast.AST) -> None:
        if not isinstance(node, ast.stmt):
            super().visit(node)
            return
        was, self._statement = self._statement, node
        super().visit(node)
        self._statement = was

    def visit_If(self, node: ast.If) -> None:
        asked = self._question(node.test)
        if asked is None:
            if self._is_typing(node.test):
                self.block(node.orelse)
                return
            self.visit(node.test)
            self.block(node.body)
            self.block(node.orelse)
            return
        name, wanted = asked
        then, otherwise = (node.body, node.orelse) if wanted else (node.orelse, node.body)
        # `then` runs where the answer is yes.
        self.block(then)
        if name == _REPLAYING:
            with self._live():
                self.block(otherwise)

    def _question(self, test: ast.expr) -> tuple[str, bool] | None:
        """`is_replaying()` or `in_workflow()`, and the answer on which the body runs."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                asked = self._question(operand)
                return (asked[0], not asked[1]) if asked else None
            case ast.BoolOp(op=ast.And(), values=values):
                every = [asked for asked in map(self._question, values) if asked is not None]
                return every[0] if every and every[0] == (_REPLAYING, False) else None
            case ast.Call() | ast.Name() | ast.Attribute():
                name = self.names.resolve(test, self.scope)
                return (name, True) if name in (_REPLAYING, _IN_WORKFLOW) else None
            case _:
                return None

    def _is_typing(self, test: ast.expr) -> bool:
        return self.names.resolve(test, self.scope) == "typing.TYPE_CHECKING"

    @contextmanager
    def _live(self) -> Iterator[None]:
        was, self.live_only = self.live_only, True
        yield
        self.live_only = was

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assigned(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assigned(target)
            if isinstance(target, ast.Tuple | ast.List) and len(target.elts) > 1:
                self._ordered_use(node.value, "is unpacked")
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assigned(node.target)
        self.visit(node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._assigned(target)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.block(node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._nested(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._nested(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        with self._within(self.names.inside(node, self.scope)):
            self.visit(node.body)

    def _nested(self, node: Function) -> None:
        with self._within(self.names.inside(node, self.scope)):
            self.block(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.block(node.body)

    def visit_Import(self, node: ast.Import) -> None:
        return

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return

    @contextmanager
    def _within(self, scope: Scope) -> Iterator[None]:
        was, self.scope = self.scope, scope
        yield
        self.scope = was

    # Sets.

    def visit_For(self, node: ast.For) -> None:
        if not only_collects(node.body):
            self._ordered_use(node.iter, "is gone through")
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node, node.generators)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node, node.generators)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node, node.generators)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._order_is_lost.add(id(node))
        self._comprehension(node, node.generators)

    def _comprehension(
        self,
        node: ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp,
        generators: Sequence[ast.comprehension],
    ) -> None:
        if id(node) not in self._order_is_lost:
            for generator in generators:
                self._ordered_use(generator.iter, "is gone through")
        with self._within(self.names.comprehension(generators, self.scope)):
            self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        if isinstance(node.ctx, ast.Load) and id(node) not in self._order_is_lost:
            self._ordered_use(node.value, "is unpacked")
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        self._table(node)

    def visit_List(self, node: ast.List) -> None:
        self._table(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self._table(node)

    def _table(self, node: ast.Dict | ast.List | ast.Tuple) -> None:
        """Functions are put into tables that are kept to be called; one that is only looked up may be an activity."""
        if self.at_import or isinstance(self._statement, ast.Assign | ast.AnnAssign):
            self._handed_over.update(map(id, elements_of(node)))
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        self._order_is_lost.update(id(element) for element in node.elts)
        self.generic_visit(node)

    def _ordered_use(self, expr: ast.expr, how: str) -> None:
        match expr:
            case ast.Call(func=func, args=[inner, *_]) if self.names.resolve(func, self.scope) in (
                "builtins.enumerate", "builtins.iter", "builtins.list", "builtins.tuple", "builtins.reversed"
            ):  # fmt: skip
                expr = inner
            case _:
                pass
        if self.names.is_set(expr, self.scope):
            self._say("set-order", expr, f"the set `{shown(expr)}` {how} in its own order", f"sorted({shown(expr)})")

    def _set_calls(self, node: ast.Call, called: str | None) -> None:
        if called in UNORDERED:
            self._order_is_lost.update(id(argument) for argument in node.args)
            return
        ordered = called in ORDERED and id(node) not in self._order_is_lost
        joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join" and isinstance(
            node.func.value, ast.Constant | ast.JoinedStr | ast.Name
        )  # fmt: skip
        draws = called is not None and called.startswith(_W + "random.") and called.endswith(("sample", "choice"))
        if ordered or joins or draws:
            for argument in node.args:
                self._ordered_use(argument, "is put in order as it comes")
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr="pop"), args=[]) if self.names.is_set(value, self.scope):
                self._say("set-order", node, f"`{shown(node)}` takes any element of the set", "take min(…) instead")
            case _:
                pass

    # Calls and mentions.

    def visit_Call(self, node: ast.Call) -> None:
        called = self.names.resolve(node.func, self.scope)
        if isinstance(node.func, ast.Attribute) and is_super(node.func.value):
            self._super_call(node, node.func.attr)
        elif called is not None:
            self._judge_call(node, called)
        self._set_calls(node, called)
        self._mutating_call(node)
        if isinstance(node.func, ast.Attribute):
            self.visit(node.func.value)
        elif isinstance(node.func, ast.Name):
            self._import_time_value(node.func)  # a partial, a lambda
        else:
            self._call_of_table(node)
            self.visit(node.func)
        arguments = node.args[:1] if called in ("builtins.isinstance", "builtins.issubclass") else node.args
        passed = [*arguments, *(keyword.value for keyword in node.keywords)]
        if called not in rules.COMMANDS:
            self._handed_over.update(id(one) for one in passed)
        elif passed and isinstance(passed[0], ast.Subscript):
            passed = [passed[0].slice, *passed[1:]]  # an activity out of a table is not called here
        for one in passed:
            self.visit(one)

    def _judge_call(self, node: ast.Call, called: str) -> None:
        if called in rules.COMMANDS or called == "asyncio.sleep" or is_timed_wait(called, node):
            self._command(node, called)
            return
        matched = self._match(called)
        if matched is not None:
            given = bool(node.args or node.keywords)
            if not (matched.unless_given and given) and not self._is_harmless(called, node):
                self._say(
                    matched.rule, node, f"`{shown(node.func)}()`{real_name(called, node.func)}", replacement(called)
                )
            return
        if called == "time.strftime" and len(node.args) < 2:
            self._say("time", node, "`time.strftime()` without a time", "workflow.now().strftime(…)")
        self._follow(called, node, is_call=True)

    def _match(self, dotted: str) -> rules.Match | None:
        """A module of the user's may be called `platform` or `redis` too."""
        return rules.match(dotted) if self.names.find(dotted) is None else None

    def _is_harmless(self, called: str, node: ast.Call) -> bool:
        """Calls that the tables flag by name only."""
        if called == "builtins.hash":
            return self.unit.name.endswith("__hash__") or (
                bool(node.args) and isinstance(node.args[0], ast.Constant) and not isinstance(node.args[0].value, str)
            )
        if called in ("builtins.print",):
            return any(keyword.arg == "file" for keyword in node.keywords)
        return False

    def _command(self, node: ast.Call, called: str) -> None:
        name = shown(node.func)
        self.body.calls.append((node, called))
        if self.live_only:
            self._say("replaying-command", node, f"`{name}()` is only reached when is_replaying() is false")
        self.body.commands.append(self._problem("query-command", node, f"`{name}()`"))
        if called in (_W + "patched", _W + "deprecate_patch") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                self._patch(node, first.value, called)
            elif isinstance(first, ast.Name):
                binding = self.names.binding(first, self.scope)
                if binding is not None and len(binding.values) == 1:
                    value = binding.values[0]
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        self._patch(node, value.value, called)

    def _patch(self, node: ast.Call, id: str, called: str) -> None:
        problem = self._problem("patch-reused", node, "")
        self.body.patches.append(Patch(id, problem.line, problem.last_line, called.endswith("deprecate_patch")))

    def _follow(self, dotted: str, node: ast.expr, *, is_call: bool) -> None:
        found = self.names.find(dotted)
        if found is None:
            return
        if found.function is not None:
            module, function = found.function
            if self.is_activity(function, module):
                if is_call:
                    self._direct(node, function.name)
                return
            if is_call or id(node) in self._handed_over:
                self._lead(Unit(module, function, function.name, live_only=self.live_only), node)
        elif found.method is not None:
            owner, method = found.method
            if self.is_activity(method, owner.module):
                if is_call:
                    self._direct(node, method.name)
                return
            if is_call or id(node) in self._handed_over or is_property(method):
                self._lead(self._method_unit(owner, method, self._class_of(dotted) or owner), node)
        elif found.cls is not None and is_call:
            self._construct(found.cls, node)

    def _call_of_table(self, node: ast.Call) -> None:
        """`TABLE[key](…)`: what else the table holds is followed where it is mentioned."""
        table = node.func.value if isinstance(node.func, ast.Subscript) else None
        for module, function in self.names.functions_in(table, self.scope):
            if self.is_activity(function, module):
                self._direct(node, function.name)
                return

    def _direct(self, node: ast.expr, name: str) -> None:
        call = node if isinstance(node, ast.Call) else None
        arguments = ", ".join(shown(argument) for argument in call.args) if call else ""
        passed = f", {arguments}" if call and len(call.args) == 1 else f", args=[{arguments}]" if arguments else ""
        target = shown(call.func) if call else name
        fix = f"await workflow.execute_activity({target}{passed}, start_to_close_timeout=…)"
        self._say("direct-activity", node, f"the activity `{name}` is called as a function", fix)

    def _method_unit(self, owner: Class, method: Function, on: Class) -> Unit:
        name = f"{owner.node.name}.{method.name}"
        return Unit(owner.module, method, name, owner, on, self.live_only)

    def _class_of(self, dotted: str) -> Class | None:
        found = self.names.find(dotted.rpartition(".")[0])
        return found.cls if found is not None else None

    def _super_call(self, node: ast.Call, name: str) -> None:
        if self.unit.self_class is None or self.unit.owner is None:
            return
        found = self.names.method(self.unit.self_class, name, after=self.unit.owner)
        if found is not None:
            self._lead(self._method_unit(found[0], found[1], self.unit.self_class), node)

    def _construct(self, cls: Class, node: ast.expr) -> None:
        """What making an object runs: its initialisers, and the default factories of its fields."""
        for name in ("__new__", "__init__", "__post_init__", "model_post_init"):
            found = self.names.method(cls, name)
            if found is not None:
                self._lead(self._method_unit(found[0], found[1], cls), node)
        for one in self.names.mro(cls):
            for item in one.node.body:
                value = item.value if isinstance(item, ast.AnnAssign | ast.Assign) else None
                if not isinstance(value, ast.Call):
                    continue
                for keyword in value.keywords:
                    if keyword.arg in ("default_factory", "factory"):
                        unit = Unit(one.module, keyword.value, f"{cls.node.name}'s fields", live_only=self.live_only)
                        self._lead(unit, node)

    def is_activity(self, function: Function, module: Module) -> bool:
        for decorator in function.decorator_list:
            expr = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self.names.resolve(expr, self.names.top(module)) == "temporalio.activity.defn":
                return True
        return False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._mention(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load) and self._mention(node):
            return
        self.visit(node.value)

    def _mention(self, node: ast.Name | ast.Attribute) -> bool:
        """A name that is used without being called here; true if it was flagged."""
        dotted = self.names.resolve(node, self.scope)
        alias = isinstance(node, ast.Name) and self.scope.local(node.id) is not None
        if dotted is not None and not alias:
            matched = self._match(dotted)
            if matched is not None and matched.bare and self._is_itself(node):
                self._say(matched.rule, node, f"`{shown(node)}`{real_name(dotted, node)}", replacement(dotted))
                return True
            self._follow(dotted, node, is_call=False)
        self._import_time_value(node)
        return False

    def _is_itself(self, node: ast.Name | ast.Attribute) -> bool:
        """Not a variable that was given what such a call returned."""
        binding = self.names.binding(node, self.scope)
        return binding is None or not any(
            isinstance(value, ast.Call | ast.Await | ast.Subscript) for value in binding.values
        )

    def _import_time_value(self, node: ast.Name | ast.Attribute) -> None:
        """A global, or a class attribute: its value was worked out when its module was imported."""
        if isinstance(node, ast.Name) and self.scope.local(node.id) is not None:
            return
        binding = self.names.binding(node, self.scope)
        if binding is None or binding.scope.parent is not None or self.at_import:
            return
        for value in binding.values:
            if not isinstance(value, ast.Constant):
                self._lead(Unit(binding.scope.module, value, shown(node), live_only=self.live_only), node)

    # Changes.

    def _assigned(self, target: ast.expr) -> None:
        match target:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    self._assigned(element)
            case ast.Starred(value=value):
                self._assigned(value)
            case ast.Name(id=name):
                if self._is_declared_global(name):
                    self._say("global-state", target, f"the global `{name}` is assigned")
            case ast.Attribute(value=value, attr=attr):
                self._attribute_assigned(target, value, attr)
                self.visit(value)
            case ast.Subscript(value=value, slice=index):
                self._element_changed(target, value)
                self.visit(value)
                self.visit(index)
            case _:
                self.visit(target)

    def _is_declared_global(self, name: str) -> bool:
        scope: Scope | None = self.scope
        while scope is not None:
            if name in scope.globals:
                return True
            scope = scope.parent
        return False

    def _attribute_assigned(self, target: ast.expr, value: ast.expr, attr: str) -> None:
        if self._is_self(value):
            self.body.mutations.append(self._problem("query-mutation", target, f"`{shown(target)}` is assigned"))
        elif self._is_class(value):
            self._say("global-state", target, f"the class attribute `{shown(value)}.{attr}` is assigned")
        elif self._is_global(value):
            self._say("global-state", target, f"`{shown(target)}` is assigned, which belongs to the module")

    def _element_changed(self, target: ast.expr, value: ast.expr) -> None:
        if rules.is_environment_mapping(self.names.resolve(value, self.scope) or ""):
            return  # the mention of it is flagged already
        if self._is_global(value):
            self._say("global-state", target, f"the global `{shown(value)}` is changed")
        elif self._is_shared_attribute(value):
            self._say("global-state", target, f"the class attribute `{shown(value)}` is changed")
        elif self._is_of_self(value):
            self.body.mutations.append(self._problem("query-mutation", target, f"`{shown(value)}` is changed"))

    def _mutating_call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in MUTATORS:
            return
        value = node.func.value
        if self._is_global(value, mutable=True):
            self._say("global-state", node, f"`{shown(node.func)}()` changes the global `{shown(value)}`")
        elif self._is_shared_attribute(value):
            self._say("global-state", node, f"`{shown(node.func)}()` changes the class attribute `{shown(value)}`")
        elif self._is_of_self(value):
            self.body.mutations.append(self._problem("query-mutation", node, f"`{shown(node.func)}()`"))

    def _is_self(self, value: ast.expr) -> bool:
        return (
            isinstance(value, ast.Name)
            and self.scope.owner_of_self(value.id) is not None
            and not self._is_class_method()
        )

    def _is_of_self(self, value: ast.expr) -> bool:
        while isinstance(value, ast.Attribute | ast.Subscript):
            value = value.value
            if self._is_self(value):
                return True
        return False

    def _is_class_method(self) -> bool:
        node = self.unit.node
        return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            isinstance(one, ast.Name) and one.id == "classmethod" for one in node.decorator_list
        )

    def _is_class(self, value: ast.expr) -> bool:
        """`cls`, `type(self)`, `self.__class__`, or a class by name."""
        match value:
            case ast.Call(func=ast.Name(id="type"), args=[_]):
                return True
            case ast.Attribute(attr="__class__"):
                return True
            case ast.Name(id=name):
                if self.scope.owner_of_self(name) is not None:
                    return self._is_class_method()
                return self.scope.local(name) is None and self._names_a_class(value)
            case ast.Attribute():
                return self.names.binding(value, self.scope) is None and self._names_a_class(value)
            case _:
                return False

    def _names_a_class(self, value: ast.expr) -> bool:
        dotted = self.names.resolve(value, self.scope)
        found = self.names.find(dotted) if dotted else None
        return (
            found is not None
            and found.cls is not None
            and shown(value).rpartition(".")[2] in (found.cls.node.name, *self.scope.module.imports)
        )

    def _is_global(self, value: ast.expr, *, mutable: bool = False) -> bool:
        """A variable of one of the user's modules, or the module itself."""
        if isinstance(value, ast.Name) and (self.scope.local(value.id) or self.scope.owner_of_self(value.id)):
            return False
        if not isinstance(value, ast.Name | ast.Attribute):
            return False
        binding = self.names.binding(value, self.scope)
        if binding is not None:
            at_top = binding.scope.parent is None and not self._is_of_self(value)
            if isinstance(value, ast.Attribute) and self._owner_is_class(value):
                return False
            return at_top and (not mutable or any(self._is_mutable(one, binding.scope) for one in binding.values))
        dotted = self.names.resolve(value, self.scope)
        return not mutable and dotted is not None and self.names.project.module(dotted) is not None

    def _owner_is_class(self, value: ast.Attribute) -> bool:
        base = self.names.resolve(value.value, self.scope)
        found = self.names.find(base) if base else None
        return found is not None and found.cls is not None

    def _copies_defaults(self, value: ast.Attribute) -> bool:
        """Pydantic's models and their like give each instance its own; so may any base that is not the user's."""
        base = self.names.resolve(value.value, self.scope)
        found = self.names.find(base) if base else None
        classes = self.names.mro(found.cls) if found is not None and found.cls is not None else []
        return any(
            self.names.find(dotted) is None and dotted not in PLAIN_BASES
            for cls in classes
            for expr in cls.node.bases
            if (
                dotted := self.names.resolve(
                    expr.value if isinstance(expr, ast.Subscript) else expr, self.names.top(cls.module)
                )
            )
        )

    def _is_mutable(self, value: ast.expr, scope: Scope) -> bool:
        if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
            return True
        return isinstance(value, ast.Call) and self.names.resolve(value.func, scope) in MUTABLE

    def _is_shared_attribute(self, value: ast.expr) -> bool:
        """An attribute that only the class body sets, to something mutable: all instances share it."""
        if not isinstance(value, ast.Attribute) or not self._owner_is_class(value) or self._copies_defaults(value):
            return False
        binding = self.names.binding(value, self.scope)
        return (
            binding is not None
            and binding.scope.parent is None
            and any(self._is_mutable(one, binding.scope) for one in binding.values)
        )
