"""Defaults of a project: `[tool.wfctl.replay]` in pyproject.toml, or `replay:` in wfctl.yaml.

The nearest file in this directory or above counts; paths in it are relative to it. What the command line says wins.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wfctl.errors import UsageMistake

_TEXTS = "a string or a list of strings"
_KINDS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "targets": (_TEXTS, (str, list)),
    "histories": (_TEXTS, (str, list)),
    "path": (_TEXTS, (str, list)),
    "lang": ("a string", (str,)),
    "project": ("a string", (str,)),
    "class_path": ("a string", (str,)),
    "runner": ("a string", (str,)),
    "database": ("a string", (str,)),
    "query": ("a string", (str,)),
    "workflow_id": (_TEXTS, (str, list)),
    "type": (_TEXTS, (str, list)),
    "status": (_TEXTS, (str, list)),
    "since": ("a string", (str,)),
    "limit": ("a whole number", (int,)),
    "per_type": ("a whole number", (int,)),
    "sample": ("a whole number", (int,)),
    "seed": ("a whole number", (int,)),
    "jobs": ("a whole number", (int,)),
    "timeout": ("a number of seconds", (int, float)),
    "fail_fast": ("true or false", (bool,)),
    "chain": ("true or false", (bool,)),
    "strict": ("true or false", (bool,)),
    "skip_unregistered": ("true or false", (bool,)),
    "junit": ("a path", (str,)),
    "sarif": ("a path", (str,)),
    "markdown": ("a path", (str,)),
}
NAMES = tuple(_KINDS)
_EXAMPLE = 'as in pyproject.toml: [tool.wfctl.replay] and below it targets = ["orders.workflows"]'
_LISTS = frozenset({"targets", "histories", "path", "workflow_id", "type", "status"})
_PATHS = frozenset({"histories", "path", "project", "database", "junit", "sarif", "markdown"})
_SOURCES = frozenset(
    {"histories", "database", "query", "workflow_id", "type", "status", "since", "limit", "per_type", "sample"}
)


def load(directory: Path) -> dict[str, Any]:
    """The settings that hold in a directory; empty when no file has any."""
    for place in (directory, *directory.parents):
        for name, read in (("wfctl.yaml", _from_yaml), ("pyproject.toml", _from_pyproject)):
            file = place / name
            if file.is_file():
                table = read(file)
                if table is not None:
                    return _checked(table, file, directory)
        if (place / ".git").exists():
            break
    return {}


def merged(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed over what the file says; naming any source replaces all sources of the file."""
    typed = {key: value for key, value in given.items() if value not in (None, [], ())}
    kept = dict(defaults)
    if any(key in typed for key in ("histories", "database", "query", "workflow_id")):
        kept = {key: value for key, value in kept.items() if key not in _SOURCES}
    return {**kept, **typed}


def _from_yaml(file: Path) -> Any:
    import yaml

    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unreadable(file, error, "YAML") from error
    return document.get("replay") if isinstance(document, dict) else None


def _from_pyproject(file: Path) -> Any:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(file, error, "TOML") from error
    for name in ("tool", "wfctl"):
        document = document.get(name, {})
        if not isinstance(document, dict):
            raise UsageMistake(f"{file}: {name} is not a table", hint=_EXAMPLE)
    return document.get("replay")


def _unreadable(file: Path, error: Exception, form: str) -> UsageMistake:
    return UsageMistake(f"{file} cannot be read: {error}", hint=f"the defaults of a check stand in it; mend its {form}")


def _checked(table: Any, file: Path, directory: Path) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise UsageMistake(f"{file}: the replay settings are not a table", hint=_EXAMPLE)
    settings: dict[str, Any] = {}
    for key, value in table.items():
        name = str(key).replace("-", "_")
        if name not in _KINDS:
            close = difflib.get_close_matches(name, _KINDS, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"the settings are: {', '.join(_KINDS)}"
            raise UsageMistake(f"{file}: there is no replay setting '{key}'", hint=hint)
        what, types = _KINDS[name]
        if not _fits(name, value, types):
            hint = "the settings are listed in docs/replay.md"
            raise UsageMistake(f"{file}: {key} must be {what}, not {value!r}", hint=hint)
        settings[name] = _placed(name, [value] if name in _LISTS and isinstance(value, str) else value, file, directory)
    return settings


def _fits(name: str, value: Any, types: tuple[type, ...]) -> bool:
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return False
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return not isinstance(value, int | float) or name == "seed" or value >= 0


def _placed(name: str, value: Any, file: Path, directory: Path) -> Any:
    """Paths in the file are relative to the file."""
    if name not in _PATHS or file.parent == directory:
        return value
    if isinstance(value, list):
        return [str(file.parent / item) for item in value]
    return str(file.parent / value)
