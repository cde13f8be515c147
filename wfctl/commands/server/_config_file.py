"""`--config wfctl.yaml`: what a project wants of its dev server, applied again at every start.

namespaces:
  orders:
    retention: 7d
    search-attributes: {CustomerId: Keyword, Total: Double}
search-attributes: {Region: Keyword}     # of `default` and the namespaces of --namespace
settings: {blob-size-error: 4194304, history.longPollExpirationInterval: 5s}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType

from wfctl.devserver.core.visibility import attributes
from wfctl.devserver.options import DeclaredNamespace
from wfctl.errors import CommandError, UsageMistake
from wfctl.view.durations import parse_duration

_KEYS = ("namespaces", "search_attributes", "settings")
_NAMESPACE_KEYS = ("description", "owner_email", "retention", "search_attributes")

Types = dict[str, IndexedValueType.ValueType]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    namespaces: tuple[DeclaredNamespace, ...] = ()
    search_attributes: Types = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_config_file(path: Path) -> ConfigFile:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}", hint="check --config") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is not YAML: {error}") from error
    top = _keys(document, _KEYS, str(path))
    namespaces = _mapping(top.get("namespaces"), f"{path}: namespaces")
    return ConfigFile(
        namespaces=tuple(_namespace(name, value, f"{path}: namespaces.{name}") for name, value in namespaces.items()),
        search_attributes=search_attributes(top.get("search_attributes"), f"{path}: search-attributes"),
        settings=_mapping(top.get("settings"), f"{path}: settings"),
    )


def search_attributes(value: Any, where: str) -> Types:
    return {name: search_attribute_type(name, str(spelled), where) for name, spelled in _mapping(value, where).items()}


def search_attribute_type(name: str, spelled: str, where: str) -> IndexedValueType.ValueType:
    value_type = attributes.type_by_name(spelled)
    if value_type == attributes.UNSPECIFIED:
        names = ", ".join(known for number, known in attributes.TYPE_NAMES.items() if number != attributes.UNSPECIFIED)
        raise UsageMistake(f"{where}: '{spelled}' is not a type of search attribute", hint=f"one of {names}")
    if attributes.is_reserved(name):
        raise UsageMistake(f"{where}: the name {name} is taken by the server itself")
    return value_type


def _namespace(name: str, value: Any, where: str) -> DeclaredNamespace:
    keys = _keys(value, _NAMESPACE_KEYS, where)
    return DeclaredNamespace(
        name=name,
        description=_text(keys.get("description"), f"{where}.description"),
        owner_email=_text(keys.get("owner_email"), f"{where}.owner-email"),
        retention_seconds=_retention(keys.get("retention"), f"{where}.retention"),
        search_attributes=search_attributes(keys.get("search_attributes"), f"{where}.search-attributes"),
    )


def _retention(value: Any, where: str) -> float | None:
    if value is None:
        return None
    try:
        seconds = parse_duration(str(value)).total_seconds()
    except ValueError as error:
        raise UsageMistake(f"{where}: {error}") from None
    if seconds <= 0:
        raise UsageMistake(f"{where}: a retention is longer than nothing", hint="leave it out to keep everything")
    return seconds


def _text(value: Any, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise UsageMistake(f"{where} is not a text")
    return value


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return dict.fromkeys(value)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise UsageMistake(f"{where} is not a mapping of names to values")
    return value


def _keys(value: Any, known: tuple[str, ...], where: str) -> dict[str, Any]:
    """A mapping with these keys only; dashes read as underscores."""
    keys = {key.replace("-", "_"): content for key, content in _mapping(value, where).items()}
    for key in keys:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            shown = [name.replace("_", "-") for name in close or known]
            hint = f"did you mean '{shown[0]}'?" if close else f"known are {', '.join(shown)}"
            raise UsageMistake(f"{where}: unknown key '{key.replace('_', '-')}'", hint=hint)
    return keys
