"""A namespace: what is registered about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import IndexedValueType, NamespaceState, ReplicationState

from wfctl.devserver.core.visibility import attributes, validation
from wfctl.devserver.settings import Settings

REGISTERED = NamespaceState.NAMESPACE_STATE_REGISTERED
DEPRECATED = NamespaceState.NAMESPACE_STATE_DEPRECATED
DELETED = NamespaceState.NAMESPACE_STATE_DELETED

# Shown where nothing is deleted by age: clients take an unset retention for a broken namespace.
SHOWN_RETENTION_SECONDS = 86400.0

SYSTEM_NAME = "temporal-system"
SYSTEM_ID = "32049b68-7872-4094-8e63-d0dd59896a83"


@dataclass(frozen=True, slots=True)
class BadBinary:
    reason: str
    operator: str
    create_time_seconds: float


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace. `retention_seconds` is how long closed workflows are kept; None keeps them until deleted."""

    id: str
    name: str
    state: NamespaceState.ValueType = REGISTERED
    description: str = ""
    owner_email: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    retention_seconds: float | None = None
    bad_binaries: Mapping[str, BadBinary] = field(default_factory=dict)
    # store field (Keyword01) → the attribute's name
    aliases: Mapping[str, str] = field(default_factory=dict)
    replication_state: ReplicationState.ValueType = ReplicationState.REPLICATION_STATE_UNSPECIFIED
    # custom search attributes by name; follows from the aliases
    search_attributes: Mapping[str, IndexedValueType.ValueType] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        types = {name: attributes.field_type(alias) for alias, name in self.aliases.items()}
        object.__setattr__(self, "search_attributes", types)

    @property
    def shown_retention_seconds(self) -> float:
        return SHOWN_RETENTION_SECONDS if self.retention_seconds is None else self.retention_seconds

    @property
    def is_being_deleted(self) -> bool:
        """Renamed by DeleteNamespace: its runs go, and then it goes too."""
        return self.state == DELETED and bool(re.search(f"-deleted-{re.escape(self.id[:5])}[0-9a-f-]*$", self.name))

    def check_search_attributes(self, search_attributes: SearchAttributes, settings: Settings) -> None:
        """Raise `InvalidArgument` for one that a client may not set like this."""
        validation.check(search_attributes, self.name, self.search_attributes, settings)

    def type_payloads(self, search_attributes: SearchAttributes) -> None:
        """Write each attribute's type into its payload's metadata, as list and describe show it."""
        for name, payload in search_attributes.indexed_fields.items():
            value_type = self.search_attributes.get(name) or attributes.PREDEFINED.get(name)
            if value_type:
                payload.metadata["type"] = attributes.TYPE_NAMES[value_type].encode()

    def with_search_attributes(self, added: attributes.Types) -> Namespace:
        """With these attributes too; a name that is there keeps its type. Raises `TooManySearchAttributes`."""
        aliases = dict(self.aliases)
        taken = set(aliases.values())
        for name, value_type in added.items():
            if name not in taken:
                aliases[_free_field(aliases, value_type)] = name
        return replace(self, aliases=aliases)

    def without_search_attributes(self, names: set[str]) -> Namespace:
        return replace(self, aliases={alias: name for alias, name in self.aliases.items() if name not in names})


@dataclass(eq=False)
class TooManySearchAttributes(Exception):
    limit: int
    value_type: IndexedValueType.ValueType


def _free_field(aliases: Mapping[str, str], value_type: IndexedValueType.ValueType) -> str:
    limit = attributes.LIMITS.get(value_type, 0)
    for number in range(1, limit + 1):
        if (alias := attributes.field_name(value_type, number)) not in aliases:
            return alias
    raise TooManySearchAttributes(limit, value_type)
