"""What a name means where it is used: scopes, aliases, and as much of types as determinism needs.

Everything resolves to a dotted name: `now` after `from datetime import datetime as dt; now = dt.now` is
`datetime.datetime.now`. An instance resolves to its class, a call to what was called, so that
`requests.Session().get` and `session.get` are the same name. What cannot be known resolves to nothing, and nothing is
said of it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wfctl.replay.lint import rules
from wfctl.replay.lint.modules import Function, Module, Project
from wfctl.replay.lint.shapes import elements_of

_BUILTINS = frozenset(dir(builtins))
_SETS = frozenset(
    {
        "builtins.set", "builtins.frozenset", "typing.Set", "typing.AbstractSet", "typing.FrozenSet", "typing.MutableSet",
        "collections.abc.Set", "collections.abc.MutableSet",
    }
)  # fmt: skip
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_DEPTH = 12


@dataclass(slots=True, eq=False)
class Class:
    """A class of the user's."""

    module: Module
    node: ast.ClassDef

    @property
    def dotted(self) -> str:
        return f"{self.module.name}.{self.module.nested.get(self.node, self.node.name)}"

    @property
    def methods(self) -> dict[str, Function]:
        return {item.name: item for item in self.node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}


@dataclass(slots=True, eq=False)
class Found:
    """What a dotted name of the user's own code stands for; at most one of these is set."""

    function: tuple[Module, Function] | None = None
    cls: Class | None = None
    method: tuple[Class, Function] | None = None
    value: tuple[Module, str] | None = None
    module: Module | None = None


@dataclass(slots=True, eq=False)
class Binding:
    """What a name or attribute was given, and the scope in which those expressions mean something."""

    scope: Scope
    values: list[ast.expr] = field(default_factory=list)
    annotation: ast.expr | None = None
    imported: str = ""
    opaque: bool = False


@dataclass(slots=True, eq=False)
class Scope:
    """A function's names; `parent` is None at the top of a module."""

    names: Names
    module: Module
    parent: Scope | None = None
    bound: dict[str, Binding] = field(default_factory=dict)
    self_name: str = ""
    self_class: Class | None = None
    globals: set[str] = field(default_factory=set)

    def local(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.globals:
                return None
            if name in scope.bound:
                return scope.bound[name]
            scope = scope.parent
        return None

    def owner_of_self(self, name: str) -> Class | None:
        scope: Scope | None = self
        while scope is not None:
            if scope.self_name == name and scope.self_class is not None:
                return scope.self_class
            if name in scope.bound:
                return None
            scope = scope.parent
        return None


class Names:
    """Answers for one project; remembers what it has worked out of classes."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._attributes: dict[tuple[str, str], dict[str, Binding]] = {}
        self._top: dict[str, Scope] = {}

    # Scopes.

    def top(self, module: Module) -> Scope:
        if module.name not in self._top:
            self._top[module.name] = Scope(self, module)
        return self._top[module.name]

    def around(self, module: Module, cls: Class | None) -> Scope:
        """What the methods of a class see: its module's names, and those of a function that it is defined in."""
        function = module.enclosing.get(cls.node) if cls is not None and cls.module is module else None
        return self.inside(function, self.top(module)) if function is not None else self.top(module)

    def inside(self, node: Function | ast.Lambda, parent: Scope, owner: Class | None = None) -> Scope:
        """The scope of a function's body. `owner`: the class whose method it is, as seen by the caller."""
        scope = Scope(self, parent.module, parent)
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
        for argument in every:
            scope.bound[argument.arg] = Binding(
                scope, annotation=argument.annotation, opaque=argument.annotation is None
            )
        for starred in (arguments.vararg, arguments.kwarg):
            if starred is not None:
                scope.bound[starred.arg] = Binding(scope, opaque=True)
        positional = [*arguments.posonlyargs, *arguments.args]
        if owner is not None and positional and not _is_decorated(node, "staticmethod"):
            scope.self_name, scope.self_class = positional[0].arg, owner
            del scope.bound[positional[0].arg]
        if not isinstance(node, ast.Lambda):
            for statement in node.body:
                _collect(statement, scope)
        return scope

    def comprehension(self, generators: Sequence[ast.comprehension], parent: Scope) -> Scope:
        scope = Scope(self, parent.module, parent)
        for generator in generators:
            for name in _target_names(generator.target):
                scope.bound[name] = Binding(scope, opaque=True)
        return scope

    # Dotted names.

    def resolve(self, expr: ast.expr | None, scope: Scope, depth: int = 0) -> str | None:
        """The dotted name that an expression stands for, aliases and imports followed."""
        if depth > _DEPTH:
            return None
        match expr:
            case ast.Name(id=name):
                return self._of_name(name, scope, depth)
            case ast.Attribute(value=value, attr=attr):
                base = self.resolve(value, scope, depth + 1)
                return self._of_attribute(base, attr, depth) if base else None
            case ast.Await(value=value):
                return self.resolve(value, scope, depth + 1)
            case ast.Call(func=func):
                return self._of_call(func, scope, depth)
            case ast.BinOp(op=ast.Div(), left=left):
                base = self.resolve(left, scope, depth + 1)
                return base if base is not None and base.startswith("pathlib.") else None
            case _:
                return None

    def _of_name(self, name: str, scope: Scope, depth: int) -> str | None:
        owner = scope.owner_of_self(name)
        if owner is not None:
            return owner.dotted
        binding = scope.local(name)
        if binding is not None:
            return self._of_binding(binding, depth)
        module = scope.module
        if name in module.functions or name in module.classes:
            return f"{module.name}.{name}"
        if name in module.imports:
            return self.canonical(module.imports[name], depth + 1)
        if name in module.values or name in module.annotations:
            return self._of_value(module, name, depth) or f"{module.name}.{name}"
        return self._of_stars(module, name, depth) or (f"builtins.{name}" if name in _BUILTINS else None)

    def _of_stars(self, module: Module, name: str, depth: int) -> str | None:
        for star in reversed(module.stars):
            other = self.project.module(star)
            if other is None:
                if rules.match(f"{star}.{name}") is not None:
                    return f"{star}.{name}"
            elif name in other.functions or name in other.classes or name in other.values or name in other.imports:
                return self.canonical(f"{star}.{name}", depth + 1)
        return None

    def _of_value(self, module: Module, name: str, depth: int) -> str | None:
        top = self.top(module)
        if name in module.values:
            found = self.resolve(module.values[name], top, depth + 1)
            if found is not None:
                return found
        return self.type_named(module.annotations.get(name), top, depth + 1)

    def _of_binding(self, binding: Binding, depth: int) -> str | None:
        if binding.imported:
            return self.canonical(binding.imported, depth + 1)
        if binding.annotation is not None:
            found = self.type_named(binding.annotation, binding.scope, depth + 1)
            if found is not None:
                return found
        if binding.opaque or not binding.values:
            return None
        every = {self.resolve(value, binding.scope, depth + 1) for value in binding.values if not _is_none(value)}
        return every.pop() if len(every) == 1 else None

    def _of_call(self, func: ast.expr, scope: Scope, depth: int) -> str | None:
        if isinstance(func, ast.Name) and func.id in ("type", "super", "cast", "getattr"):
            return None
        called = self.resolve(func, scope, depth + 1)
        found = self.find(called) if called else None
        if found is None:
            return called
        made = found.function or (found.method and (found.method[0].module, found.method[1]))
        if made is not None:
            return self.type_named(made[1].returns, self.top(made[0]), depth + 1)
        return called if found.cls is not None else None

    def _of_attribute(self, base: str, attr: str, depth: int) -> str | None:
        found = self.find(base)
        if found is None or found.module is not None:
            return self.canonical(f"{base}.{attr}", depth + 1)
        if found.cls is None:
            return None if found.value is None else f"{base}.{attr}"
        if self.method(found.cls, attr) is not None:
            return f"{base}.{attr}"
        binding = self.attributes(found.cls).get(attr)
        return self._of_binding(binding, depth + 1) if binding is not None else None

    def canonical(self, dotted: str, depth: int = 0) -> str | None:
        """The same thing under the name of the module that makes it."""
        split = self._split(dotted)
        if split is None or depth > _DEPTH:
            return dotted
        module, rest = split
        if not rest or rest[0] in module.functions or rest[0] in module.classes:
            return dotted
        if rest[0] in module.imports:
            return self.canonical(".".join([module.imports[rest[0]], *rest[1:]]), depth + 1)
        if rest[0] in module.values or rest[0] in module.annotations:
            value = self._of_value(module, rest[0], depth + 1)
            return ".".join([value, *rest[1:]]) if value else dotted
        return dotted

    def _split(self, dotted: str) -> tuple[Module, list[str]] | None:
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            module = self.project.module(".".join(parts[:length]))
            if module is not None:
                return module, parts[length:]
        return None

    def find(self, dotted: str) -> Found | None:
        """What of the user's own a dotted name stands for; None when it is somebody else's."""
        split = self._split(dotted)
        if split is None:
            return None
        module, rest = split
        if not rest:
            return Found(module=module)
        name = rest[0]
        if name in module.functions:
            return Found(function=(module, module.functions[name])) if len(rest) == 1 else Found()
        if name in module.classes:
            cls = Class(module, module.classes[name])
            if len(rest) == 1:
                return Found(cls=cls)
            method = self.method(cls, rest[1]) if len(rest) == 2 else None
            return Found(method=method) if method else Found()
        if name in module.values or name in module.annotations:
            return Found(value=(module, name))
        return Found()

    # Classes.

    def mro(self, cls: Class, depth: int = 0) -> list[Class]:
        """The class and its bases, as far as they are the user's."""
        found = [cls]
        if depth > _DEPTH:
            return found
        for base in cls.node.bases:
            dotted = self.resolve(base.value if isinstance(base, ast.Subscript) else base, self.top(cls.module))
            of_base = self.find(dotted) if dotted else None
            if of_base is not None and of_base.cls is not None:
                found += [one for one in self.mro(of_base.cls, depth + 1) if all(one.node is not c.node for c in found)]
        return found

    def method(self, cls: Class, name: str, after: Class | None = None) -> tuple[Class, Function] | None:
        """The method that a call on an instance reaches; `after`: as `super()` in that class would."""
        line = self.mro(cls)
        if after is not None:
            places = [index for index, one in enumerate(line) if one.node is after.node]
            line = line[places[0] + 1 :] if places else []
        for one in line:
            if name in one.methods:
                return one, one.methods[name]
        return None

    def attributes(self, cls: Class) -> dict[str, Binding]:
        """What instances are given: in class bodies, and as `self.x = …` in any method."""
        key = (cls.module.name, cls.dotted)
        if key not in self._attributes:
            table = self._attributes[key] = {}
            for one in reversed(self.mro(cls)):
                self._of_class_body(one, table)
                for method in one.methods.values():
                    self._of_method(method, cls, one, table)
        return self._attributes[key]

    def _of_class_body(self, cls: Class, table: dict[str, Binding]) -> None:
        top = self.top(cls.module)
        for node in cls.node.body:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        if isinstance(target, ast.Name):
                            table[target.id] = Binding(top, [value])
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                    table[name] = Binding(top, [value] if value else [], annotation)
                case _:
                    pass

    def _of_method(self, method: Function, cls: Class, owner: Class, table: dict[str, Binding]) -> None:
        scope = self.inside(method, self.top(owner.module), cls)
        if not scope.self_name:
            return
        for node in ast.walk(method):
            targets: list[ast.expr]
            value: ast.expr | None
            match node:
                case ast.Assign():
                    targets, value = node.targets, node.value
                case ast.AnnAssign():
                    targets, value = [node.target], node.value
                case _:
                    continue
            for target in targets:
                if not (isinstance(target, ast.Attribute) and _is_name(target.value, scope.self_name)):
                    continue
                binding = table.get(target.attr)
                if binding is None or binding.scope.parent is None:
                    declared = binding.annotation if binding else None
                    binding = table[target.attr] = Binding(scope, annotation=declared)
                if isinstance(node, ast.AnnAssign):
                    binding.annotation = node.annotation
                if value is None:
                    continue
                if binding.scope is scope:
                    binding.values.append(value)
                elif not _is_none(value):
                    # Assigned in several methods: known only where one expression says it all.
                    binding.opaque = binding.opaque or not _is_same_kind(value, binding.values)

    # Types.

    def type_named(self, annotation: ast.expr | None, scope: Scope, depth: int = 0) -> str | None:
        """The class that an annotation names; `X | None` and `Optional[X]` are X."""
        if depth > _DEPTH:
            return None
        match annotation:
            case ast.Constant(value=str() as text):
                try:
                    return self.type_named(ast.parse(text, mode="eval").body, scope, depth + 1)
                except SyntaxError:
                    return None
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                sides = [side for side in (left, right) if not _is_none(side)]
                return self.type_named(sides[0], scope, depth + 1) if len(sides) == 1 else None
            case ast.Subscript(value=value, slice=inner):
                outer = self.resolve(value, scope, depth + 1)
                if outer in ("typing.Optional", "typing.Annotated", "typing.Final", "typing.ClassVar"):
                    first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
                    return self.type_named(first, scope, depth + 1)
                return outer
            case ast.Name() | ast.Attribute():
                return self.resolve(annotation, scope, depth + 1)
            case _:
                return None

    def is_set(self, expr: ast.expr, scope: Scope, depth: int = 0) -> bool:
        """It is surely a set, with an order that may change from process to process."""
        if depth > _DEPTH:
            return False
        match expr:
            case ast.Set(elts=elements):
                return not all(isinstance(one, ast.Constant) and isinstance(one.value, int | float) for one in elements)
            case ast.SetComp():
                return True
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _SET_METHODS:
                return self.is_set(value, scope, depth + 1)
            case ast.Call(func=func, args=arguments):
                if self.resolve(func, scope) in ("builtins.set", "builtins.frozenset"):
                    return not (arguments and self._is_of_numbers(arguments[0], scope))
                return self.resolve(expr, scope) in _SETS
            case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), left=left, right=right):
                return any(self.is_set(side, scope, depth + 1) or self._is_view(side) for side in (left, right))
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_set(body, scope, depth + 1) or self.is_set(orelse, scope, depth + 1)
            case ast.BoolOp(values=values):
                return any(self.is_set(value, scope, depth + 1) for value in values)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.is_set(value, scope, depth + 1)
            case ast.Name() | ast.Attribute():
                binding = self.binding(expr, scope)
                return binding is not None and self._is_bound_to_set(binding, depth)
            case _:
                return False

    def _is_bound_to_set(self, binding: Binding, depth: int) -> bool:
        if binding.annotation is not None:
            return self.type_named(binding.annotation, binding.scope) in _SETS and not self._is_set_of_numbers(binding)
        values = [value for value in binding.values if not _is_none(value)]
        return (
            bool(values)
            and not binding.opaque
            and all(self.is_set(value, binding.scope, depth + 1) for value in values)
        )

    def _is_set_of_numbers(self, binding: Binding) -> bool:
        match binding.annotation:
            case ast.Subscript(slice=ast.Name(id="int" | "float" | "bool")):
                return True
            case _:
                return False

    def _is_of_numbers(self, expr: ast.expr, scope: Scope) -> bool:
        return isinstance(expr, ast.Call) and self.resolve(expr.func, scope) == "builtins.range"

    def _is_view(self, expr: ast.expr) -> bool:
        match expr:
            case ast.Call(func=ast.Attribute(attr="keys" | "items"), args=[]):
                return True
            case _:
                return False

    def binding(self, expr: ast.Name | ast.Attribute, scope: Scope) -> Binding | None:
        """What a variable or attribute was given; None when it is neither local, nor a global, nor on a known object."""
        if isinstance(expr, ast.Name):
            local = scope.local(expr.id)
            if local is not None:
                return local
            return self._of_global(scope.module, expr.id)
        base = self.resolve(expr.value, scope)
        found = self.find(base) if base else None
        if found is not None and found.cls is not None:
            return self.attributes(found.cls).get(expr.attr)
        split = self._split(f"{base}.{expr.attr}") if base else None
        return self._of_global(split[0], split[1][0]) if split and len(split[1]) == 1 else None

    def functions_in(self, table: ast.expr | None, scope: Scope) -> Iterator[tuple[Module, Function]]:
        """The user's functions that a variable's table holds."""
        binding = self.binding(table, scope) if isinstance(table, ast.Name | ast.Attribute) else None
        for value in binding.values if binding is not None else ():
            for element in elements_of(value):
                dotted = self.resolve(element, binding.scope) if binding is not None else None
                found = self.find(dotted) if dotted else None
                if found is not None and found.function is not None:
                    yield found.function

    def _of_global(self, module: Module, name: str) -> Binding | None:
        if name in module.imports:
            split = self._split(module.imports[name])
            return self._of_global(split[0], split[1][0]) if split and len(split[1]) == 1 else None
        if name not in module.values and name not in module.annotations:
            return None
        values = [module.values[name]] if name in module.values else []
        return Binding(self.top(module), values, module.annotations.get(name))


# Collecting what a function binds.


def _collect(node: ast.AST, scope: Scope) -> None:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope.bound[name] = Binding(scope, opaque=True)
            return
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return
        case ast.Global(names=names):
            scope.globals.update(names)
        case ast.Import(names=aliases):
            for alias in aliases:
                bound = alias.asname or alias.name.partition(".")[0]
                scope.bound[bound] = Binding(scope, imported=alias.name if alias.asname else bound)
        case ast.ImportFrom(names=aliases):
            base = scope.module.absolute(node)
            for alias in aliases:
                scope.bound[alias.asname or alias.name] = Binding(scope, imported=f"{base}.{alias.name}")
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _bind(target, value, scope)
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            binding = _slot(name, scope)
            binding.annotation = annotation
            binding.values += [value] if value else []
        case ast.NamedExpr(target=target, value=value):
            _bind(target, value, scope)
        case ast.For(target=target) | ast.AsyncFor(target=target):
            _bind(target, None, scope)
        case ast.withitem(context_expr=context, optional_vars=target) if target is not None:
            _bind(target, context, scope)
        case ast.ExceptHandler(name=str() as name):
            _slot(name, scope).opaque = True
        case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
            _slot(name, scope).opaque = True
        case _:
            pass
    for child in ast.iter_child_nodes(node):
        _collect(child, scope)


def _slot(name: str, scope: Scope) -> Binding:
    if name not in scope.bound:
        scope.bound[name] = Binding(scope)
    return scope.bound[name]


def _bind(target: ast.expr, value: ast.expr | None, scope: Scope) -> None:
    if isinstance(target, ast.Name) and value is not None:
        _slot(target.id, scope).values.append(value)
        return
    for name in _target_names(target):
        _slot(name, scope).opaque = True


def _target_names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from _target_names(element)
        case ast.Starred(value=value):
            yield from _target_names(value)
        case _:
            return


def _is_decorated(node: Function | ast.Lambda, name: str) -> bool:
    return not isinstance(node, ast.Lambda) and any(_is_name(one, name) for one in node.decorator_list)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_same_kind(value: ast.expr, others: Sequence[ast.expr]) -> bool:
    """An assignment elsewhere that tells the same: `set()` in two methods."""
    return any(ast.dump(value) == ast.dump(other) for other in others)
