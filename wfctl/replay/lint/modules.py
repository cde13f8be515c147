"""The user's files: found by path or dotted name, parsed once, never imported.

What is under the search roots is theirs and is read; the standard library and installed packages are known by name only.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from wfctl.replay.messages import LoadFailure
from wfctl.replay.model import Location

_IGNORE = re.compile(r"#\s*wfctl:\s*ignore(?:\[([^\]]*)\])?[ \t]*[-:–—]?[ \t]*(.*)", re.IGNORECASE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Ignore:
    """`# wfctl: ignore[rule] reason`: holds for its line, or for the next one when it stands alone."""

    line: int
    written_at: int
    rules: tuple[str, ...]
    reason: str
    used: set[str] = field(default_factory=set)

    def covers(self, rule: str, line: int) -> bool:
        return line == self.line and rule in self.rules and bool(self.reason)


@dataclass(slots=True, eq=False)
class Module:
    """One parsed file: what its names are bound to, at its top level."""

    name: str
    path: Path
    tree: ast.Module
    lines: list[str]
    is_package: bool
    imports: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    annotations: dict[str, ast.expr] = field(default_factory=dict)
    ignores: list[Ignore] = field(default_factory=list)
    nested: dict[ast.ClassDef, str] = field(default_factory=dict)
    """Classes inside of functions and classes, by the name they have in `classes`, which no source can spell."""
    enclosing: dict[ast.ClassDef, Function] = field(default_factory=dict)
    """Of those, the functions that they are inside of."""
    stars: list[str] = field(default_factory=list)
    """Modules of which everything is imported."""

    @property
    def shown(self) -> str:
        try:
            return str(self.path.relative_to(Path.cwd()))
        except ValueError:
            return str(self.path)

    def location(self, line: int, function: str = "") -> Location:
        text = self.lines[line - 1].strip() if 0 < line <= len(self.lines) else ""
        return Location(self.shown, line, function, text)

    def absolute(self, node: ast.ImportFrom) -> str:
        """The module that `from … import` names, relative ones resolved."""
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        drop = node.level - (1 if self.is_package else 0)
        parts = parts[: len(parts) - drop] if drop else parts
        return ".".join([*parts, *([node.module] if node.module else [])])


class Project:
    """All modules of the user that were asked for so far."""

    def __init__(self, search: Sequence[str] = ()) -> None:
        roots = [*search, *(["src"] if Path("src").is_dir() else []), "."]
        self.roots = [Path(root).resolve() for root in roots]
        self.modules: dict[str, Module | None] = {}
        self.broken: list[LoadFailure] = []

    # Targets.

    def targets(self, names: Sequence[str]) -> list[tuple[Module, str]]:
        """Each module that a target names, with the class after the colon, if any."""
        found: list[tuple[Module, str]] = []
        for name in names:
            found += self._target(name)
        return list({(module.path, attribute): (module, attribute) for module, attribute in found}.values())

    def _target(self, target: str) -> Iterator[tuple[Module, str]]:
        name, colon, attribute = target.rpartition(":")
        if not colon:
            name, attribute = target, ""
        path = Path(name)
        if name.endswith(".py") or "/" in name or path.is_dir():
            files = self._files(target, path)
        else:
            module_file = self._find(name)
            if module_file is None:
                hint = "the current directory and ./src are searched; add others with --path"
                raise LoadFailure(target, f"there is no module '{name}'", hint=hint)
            files = self._files(target, module_file.parent if module_file.name == "__init__.py" else module_file)
        for file in files:
            module = self._of_file(file)
            if module is not None:
                yield module, attribute

    def _files(self, target: str, path: Path) -> list[Path]:
        if not path.exists():
            raise LoadFailure(target, f"there is no file '{path}'")
        if path.is_file():
            return [path.resolve()]
        return [
            file.resolve()
            for file in sorted(path.rglob("*.py"))
            if not any(part.startswith(".") or part in _SKIPPED for part in file.relative_to(path).parts)
        ]

    def _of_file(self, file: Path) -> Module | None:
        parts = [file.stem] if file.name != "__init__.py" else []
        parent = file.parent
        while (parent / "__init__.py").exists():
            parts.insert(0, parent.name)
            parent = parent.parent
        if parent not in self.roots:
            self.roots.append(parent)
        name = ".".join(parts)
        known = self.modules.get(name)
        if known is not None and known.path != file:
            name = str(file)
        if name not in self.modules:
            self.modules[name] = self._parsed(name, file)
        return self.modules[name]

    # Imports.

    def module(self, name: str) -> Module | None:
        """The user's module of that name; None when it is not theirs."""
        if name not in self.modules:
            file = self._find(name)
            self.modules[name] = self._parsed(name, file) if file is not None else None
        return self.modules[name]

    def _find(self, name: str) -> Path | None:
        if not name or not all(part.isidentifier() for part in name.split(".")):
            return None
        relative = Path(*name.split("."))
        for root in self.roots:
            for candidate in (root / relative / "__init__.py", root / relative.with_suffix(".py")):
                if candidate.is_file() and "site-packages" not in candidate.parts:
                    return candidate
        return None

    def _parsed(self, name: str, file: Path) -> Module | None:
        try:
            with tokenize.open(file) as source:
                text = source.read()
            tree = ast.parse(text, str(file))
        except (SyntaxError, UnicodeDecodeError, ValueError) as error:
            line = (error.lineno or 0) if isinstance(error, SyntaxError) else 0
            code = (error.text or "").strip() if isinstance(error, SyntaxError) else ""
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            shown = str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
            self.broken.append(LoadFailure(name, f"it cannot be parsed: {reason}", Location(shown, line, "", code)))
            return None
        module = Module(name, file, tree, text.splitlines(), file.name == "__init__.py")
        module.ignores = _ignores(text)
        _bind(module, tree.body)
        _nest(module, tree, "", None)
        return module


_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "build", "dist"})


def _bind(module: Module, body: Sequence[ast.stmt]) -> None:
    """Fill the tables of a module from its statements, looking into `with`, `if` and `try`."""
    for node in body:
        match node:
            case ast.Import():
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    module.imports[bound] = alias.name if alias.asname else bound
            case ast.ImportFrom():
                base = module.absolute(node)
                if node.names[0].name == "*":
                    module.stars.append(base)
                    continue
                for alias in node.names:
                    module.imports[alias.asname or alias.name] = f"{base}.{alias.name}"
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                module.functions[node.name] = node
            case ast.ClassDef():
                module.classes[node.name] = node
            case ast.Assign():
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        module.values[target.id] = node.value
            case ast.AnnAssign(target=ast.Name(id=name)):
                module.annotations[name] = node.annotation
                if node.value is not None:
                    module.values[name] = node.value
            case ast.With() | ast.For() | ast.While():
                _bind(module, node.body)
            case ast.If():
                _bind(module, node.orelse)
                _bind(module, node.body)
            case ast.Try():
                for handler in node.handlers:
                    _bind(module, handler.body)
                _bind(module, [*node.body, *node.orelse, *node.finalbody])
            case _:
                pass


def _nest(module: Module, parent: ast.AST, path: str, function: Function | None) -> None:
    """Note the classes below the top level: a factory's, a test's, a class's own."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            if path:
                module.nested[node] = f"{path}:{node.name}"
                module.classes[f"{path}:{node.name}"] = node
                if function is not None:
                    module.enclosing[node] = function
            _nest(module, node, f"{path}:{node.name}" if path else node.name, function)
        elif isinstance(node, Function):
            _nest(module, node, f"{path}:{node.name}@{node.lineno}", node)
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            _nest(module, node, path, function)


def _ignores(text: str) -> list[Ignore]:
    if "wfctl" not in text:
        return []
    found: list[Ignore] = []
    lines = text.splitlines()
    for token in tokenize.generate_tokens(StringIO(text).readline):
        comment = _IGNORE.match(token.string) if token.type == tokenize.COMMENT else None
        if comment is None:
            continue
        line = token.start[0]
        stands_alone = lines[line - 1].lstrip().startswith("#")
        rules = tuple(part.strip() for part in (comment[1] or "").split(",") if part.strip())
        found.append(Ignore(_next_code(lines, line) if stands_alone else line, line, rules, comment[2].strip()))
    return found


def _next_code(lines: Sequence[str], line: int) -> int:
    """The line that a comment on a line of its own is about."""
    for number in range(line + 1, len(lines) + 1):
        text = lines[number - 1].strip()
        if text and not text.startswith("#"):
            return number
    return line
