"""TARGET → workflow classes and how to run them.

A target is `module:Workflow`, a module, a package (all of its modules), a file, or `module:factory`: a function that
makes a `Worker` or a `Replayer`, from which the data converter, interceptors, sandbox and failure types are taken. An
error in the user's own code is reported as theirs, with their line.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import linecache
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from wfctl.replay import factory
from wfctl.replay.messages import LoadFailure
from wfctl.replay.model import Location
from wfctl.replay.places import shown

_OURS = str(Path(__file__).parent)
_ALIAS = "wfctl_target_"


@dataclass(slots=True)
class Target:
    """The new code: workflow classes by type, and the options with which a Replayer runs them."""

    workflows: list[type]
    options: dict[str, Any] = field(default_factory=dict)
    failures: list[LoadFailure] = field(default_factory=list)
    """Modules of a package that could not be imported while others could."""

    @property
    def types(self) -> dict[str, type]:
        return {name: cls for cls in self.workflows if (name := workflow_name(cls))}

    @property
    def has_dynamic(self) -> bool:
        return any(workflow_name(cls) is None for cls in self.workflows)


def workflow_name(cls: type) -> str | None:
    """The registered type; None for a dynamic workflow."""
    definition = vars(cls).get("__temporal_workflow_definition")
    name: str | None = getattr(definition, "name", None)
    return name


def is_workflow(value: object) -> bool:
    return inspect.isclass(value) and "__temporal_workflow_definition" in vars(value)


def load(targets: Sequence[str], search: Sequence[str] = ()) -> Target:
    """All targets together; raises `LoadFailure` when nothing could be loaded."""
    _prepare_path(search)
    loaded = Target([])
    for name in targets:
        _load_one(name, loaded)
    loaded.workflows = list(dict.fromkeys(loaded.workflows))
    if not loaded.workflows:
        if loaded.failures:
            raise loaded.failures[0]
        raise LoadFailure(
            ", ".join(targets), "there is no workflow in it", hint="a workflow is a class with @workflow.defn"
        )
    _check_names(loaded)
    return loaded


def _prepare_path(search: Sequence[str]) -> None:
    for entry in (*reversed(search), "src", "."):
        path = str(Path(entry).resolve())
        if (entry != "src" or Path(entry).is_dir()) and path not in sys.path:
            sys.path.insert(0, path)
    if sys.path[0] != str(Path.cwd()) and not search:
        sys.path.insert(0, str(Path.cwd()))


def _check_names(loaded: Target) -> None:
    seen: dict[str | None, type] = {}
    for cls in loaded.workflows:
        other = seen.setdefault(workflow_name(cls), cls)
        if other is not cls:
            name = workflow_name(cls) or "dynamic"
            raise LoadFailure(
                name,
                f"two classes are the workflow type '{name}': {_full(other)} and {_full(cls)}",
                hint="name one target",
            )


def _full(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _load_one(target: str, loaded: Target) -> None:
    name, attribute = _split(target)
    if name.endswith(".py") or "/" in name or (Path(name).is_dir() and not _is_importable(name)):
        modules = _from_path(target, Path(name), loaded)
    else:
        modules = [_import(target, name)]
        if not attribute and hasattr(modules[0], "__path__"):
            modules += _submodules(target, modules[0], loaded)
    if attribute:
        _take_attribute(target, modules[0], attribute, loaded)
        return
    for module in modules:
        loaded.workflows += [value for value in vars(module).values() if is_workflow(value) and _is_own(value, modules)]


def _split(target: str) -> tuple[str, str]:
    name, colon, attribute = target.rpartition(":")
    return (name, attribute) if colon else (target, "")


def _is_own(cls: type, modules: Sequence[ModuleType]) -> bool:
    """Defined there, or in a module of the same package that was brought in by name."""
    roots = {module.__name__.partition(".")[0] for module in modules}
    return cls.__module__.partition(".")[0] in roots or len(modules) == 1


def _is_importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _take_attribute(target: str, module: ModuleType, attribute: str, loaded: Target) -> None:
    value: Any = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            raise LoadFailure(
                target, f"{module.__name__} has no '{attribute}'", hint=_offers(target, attribute, module)
            )
        value = getattr(value, part)
    if is_workflow(value):
        loaded.workflows.append(value)
        return
    try:
        workflows, options = factory.configuration(value)
    except factory.NotAFactory as error:
        raise LoadFailure(
            target,
            f"'{attribute}' is {error}",
            hint="name a class with @workflow.defn, or a function that makes a Worker or a Replayer",
        ) from error
    except BaseException as error:
        hint = f"`python -c 'import {module.__name__} as m; m.{attribute}()'` shows the whole traceback"
        raise _theirs(target, error, "the factory raised", hint) from error
    loaded.workflows += workflows
    loaded.options.update(options)


def _offers(target: str, attribute: str, module: ModuleType) -> str:
    """What a misspelt attribute may have meant, and the workflows that are there."""
    own = {key: value for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    workflows = sorted(key for key, value in vars(module).items() if is_workflow(value))
    functions = [key for key, value in own.items() if inspect.isfunction(value)]
    close = difflib.get_close_matches(attribute, [*workflows, *functions], 1)
    meant = f"did you mean '{target.removesuffix(attribute)}{close[0]}'?" if close else ""
    known = f"its workflows: {', '.join(workflows)}" if workflows else ""
    return " ".join(part for part in (meant, known) if part)


def _import(target: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and _is_the_target(error, name):
            searched = "the current directory and ./src are searched; add others with --path"
            hint = _similar_module(error.name or "") or searched
            raise LoadFailure(target, f"there is no module '{error.name}'", hint=hint) from error
        raise _theirs(target, error, "its import failed", _import_hint(error, name)) from error


def _import_hint(error: BaseException, name: str) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"install it where wfctl runs ({sys.prefix}), or name its directory with --path"
    return "" if name.startswith(_ALIAS) else f"`python -c 'import {name}'` shows the whole traceback"


def _similar_module(name: str) -> str:
    """Of a module that is not there: one beside it that it may have been meant to be."""
    parent, dot, last = name.rpartition(".")
    package = sys.modules.get(parent)
    if package is not None and hasattr(package, last):
        return f"did you mean '{parent}:{last}'?"
    places = list(getattr(package, "__path__", ())) if dot else _own_places()
    close = difflib.get_close_matches(last, [info.name for info in pkgutil.iter_modules(places)], 1)
    return f"did you mean '{parent}{dot}{close[0]}'?" if close else ""


def _own_places() -> list[str]:
    """Where the project's own modules are: not the interpreter's, not what is installed."""
    standard = str(Path(inspect.__file__).parent)
    return [place for place in sys.path if place and not place.startswith(standard) and "site-packages" not in place]


def _is_the_target(error: ModuleNotFoundError, name: str) -> bool:
    """The target itself is missing, rather than something that its code imports."""
    return bool(error.name) and f"{name}.".startswith(f"{error.name}.") and _frame_of_theirs(error) is None


def _theirs(target: str, error: BaseException, what: str, hint: str) -> LoadFailure:
    """An exception of the user's code, with the innermost line that is theirs."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    cause: BaseException = error.__cause__ if type(error).__module__.startswith("wfctl.") and error.__cause__ else error
    text = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    if isinstance(cause, SyntaxError) and cause.filename:
        place = Location(shown(cause.filename), cause.lineno or 0, "", (cause.text or "").strip())
        return LoadFailure(target, f"{what}: {type(cause).__name__}: {cause.msg}", place, hint)
    return LoadFailure(target, f"{what}: {text}", _frame_of_theirs(cause), hint)


def _frame_of_theirs(error: BaseException) -> Location | None:
    """The innermost frame that is in neither this package, the SDK nor the interpreter's own library."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = frame.filename
        if file.startswith(("<", _OURS)) or "/temporalio/" in file or _is_installed(file):
            continue
        return Location(shown(file), frame.lineno or 0, frame.name, linecache.getline(file, frame.lineno or 0).strip())
    return None


def _is_installed(file: str) -> bool:
    return "/site-packages/" in file or file.startswith(str(Path(inspect.__file__).parent) + "/")


# Packages and files.


def _submodules(target: str, package: ModuleType, loaded: Target) -> list[ModuleType]:
    found = []
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda _: None):
        if info.name.rpartition(".")[2] == "__main__":
            continue
        try:
            found.append(_import(target, info.name))
        except LoadFailure as failure:
            loaded.failures.append(failure)
    return found


def _from_path(target: str, path: Path, loaded: Target) -> list[ModuleType]:
    if not path.exists():
        raise LoadFailure(target, f"there is no file '{path}'", hint=_similar_file(path))
    path = path.resolve()
    if path.is_dir() and not (path / "__init__.py").exists():
        modules = []
        for file in sorted(path.glob("*.py")):
            try:
                modules += _from_path(target, file, loaded)
            except LoadFailure as failure:
                loaded.failures.append(failure)
        return modules
    root, name = _module_name(path)
    if root not in sys.path:
        sys.path.insert(0, root)
    known = sys.modules.get(name)
    if not name.replace(".", "").isidentifier() or (known is not None and not _is_file_of(known, path)):
        name = _alias(path)
    module = _import(target, name)
    if not _is_file_of(module, path):
        module = _import(target, _alias(path))
    return [module, *(_submodules(target, module, loaded) if path.is_dir() else ())]


def _similar_file(path: Path) -> str:
    beside = {one.stem: one for one in path.parent.iterdir()} if path.parent.is_dir() else {}
    names = [stem for stem, one in beside.items() if one.is_dir() or one.suffix == ".py"]
    close = difflib.get_close_matches(path.stem, names, 1)
    return f"did you mean '{beside[close[0]]}'?" if close else f"paths are relative to {Path.cwd()}"


def _is_file_of(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() in (path, path / "__init__.py")


def _module_name(path: Path) -> tuple[str, str]:
    """The directory to search and the dotted name, so that the sandbox can import the module again by name."""
    parts = [path.stem if path.suffix == ".py" else path.name]
    parent = path.parent
    while (parent / "__init__.py").exists():
        parts.insert(0, parent.name)
        parent = parent.parent
    if parts[-1] == "__init__":
        parts.pop()
    return str(parent), ".".join(parts)


class _Alias:
    """Imports one file under a name of our own, as often as the sandbox asks."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path)


def _alias(path: Path) -> str:
    """For a file whose name is no identifier (`order-flow.py`), or is another module's (`json.py`)."""
    name = _ALIAS + "".join(char if char.isalnum() else "_" for char in path.stem)
    if not any(isinstance(finder, _Alias) and finder.name == name for finder in sys.meta_path):
        sys.meta_path.insert(0, _Alias(name, path))
    return name
