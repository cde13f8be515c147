"""Namespaces: all of them in memory, every change on disk before it is seen."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType, NamespaceState, ReplicationState

from wfctl.devserver.core import namespace as model
from wfctl.devserver.core.errors import (
    FailedPrecondition,
    InvalidArgument,
    NamespaceAlreadyExists,
    NamespaceInvalidState,
    NamespaceNotFound,
)
from wfctl.devserver.core.namespace import DELETED, DEPRECATED, REGISTERED, Namespace, TooManySearchAttributes
from wfctl.devserver.core.validation import length
from wfctl.devserver.core.visibility import attributes
from wfctl.devserver.options import DeclaredNamespace
from wfctl.devserver.settings import Settings
from wfctl.devserver.storage import namespaces as storage
from wfctl.devserver.storage.database import Database

USABLE = (REGISTERED, DEPRECATED)
STARTABLE = (REGISTERED,)

Change = Callable[[Namespace], Namespace]


class Namespaces:
    """The registry. Readers see only what is committed; changes are made one at a time."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._by_name: dict[str, Namespace] = {}
        self._by_id: dict[str, Namespace] = {}
        self._changing = asyncio.Lock()

    # -- reading --------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        for namespace in await self._database.read(storage.load_all):
            self._publish(namespace)

    def resolve(self, name: str, allowed: tuple[NamespaceState.ValueType, ...] = USABLE) -> Namespace:
        """The namespace a request names: it must be there, and in a state that allows the request."""
        namespace = self._by_name.get(name)
        if namespace is None:
            raise self._unknown(name)
        if namespace.state not in allowed:
            raise _invalid_state(namespace, allowed)
        return namespace

    def by_id(self, namespace_id: str) -> Namespace:
        namespace = self._by_id.get(namespace_id)
        if namespace is None:
            raise NamespaceNotFound(namespace_id)
        return namespace

    def find(self, name: str) -> Namespace | None:
        return self._by_name.get(name)

    def all(self) -> list[Namespace]:
        return sorted(self._by_name.values(), key=lambda namespace: namespace.name)

    # -- changing -------------------------------------------------------------------------------------------------

    async def register(
        self,
        name: str,
        *,
        description: str = "",
        owner_email: str = "",
        data: Mapping[str, str] | None = None,
        retention_seconds: float | None,
    ) -> Namespace:
        async with self._changing:
            if name in self._by_name:
                raise NamespaceAlreadyExists(f'Namespace "{name}" already exists')
            return await self._keep(
                Namespace(
                    id=str(uuid.uuid4()),
                    name=name,
                    description=description,
                    owner_email=owner_email,
                    data=dict(data or {}),
                    retention_seconds=retention_seconds,
                    replication_state=ReplicationState.REPLICATION_STATE_NORMAL,
                )
            )

    async def change(self, name: str, change: Change) -> Namespace:
        """Replace a namespace by what `change` makes of it; what `change` raises leaves it as it is."""
        async with self._changing:
            namespace = self._by_name.get(name)
            if namespace is None:
                raise self._unknown(name)
            changed = change(namespace)
            return namespace if changed == namespace else await self._keep(changed)

    async def deprecate(self, name: str) -> Namespace:
        return await self.change(name, lambda namespace: replace(namespace, state=DEPRECATED))

    async def delete(self, namespace: Namespace) -> Namespace:
        """Mark as deleted, under another name: the name is free at once."""
        if namespace.id == model.SYSTEM_ID:
            raise FailedPrecondition("unable to delete system namespace")

        def rename(current: Namespace) -> Namespace:
            return replace(current, state=DELETED, name=self._deleted_name(current))

        return await self.change(namespace.name, rename)

    async def remove(self, namespace: Namespace) -> None:
        """Forget a deleted namespace altogether."""
        async with self._changing:
            await self._database.write(storage.statements_for_removal(namespace.id))
            self._by_name.pop(namespace.name, None)
            self._by_id.pop(namespace.id, None)

    async def add_search_attributes(self, name: str, added: attributes.Types) -> Namespace:
        def add(namespace: Namespace) -> Namespace:
            try:
                return namespace.with_search_attributes(added)
            except TooManySearchAttributes as error:
                spelled = attributes.TYPE_NAMES.get(error.value_type, str(error.value_type))
                raise InvalidArgument(
                    "Unable to create search attributes:"
                    f" cannot have more than {error.limit} search attribute of type {spelled}."
                ) from None

        return await self.change(name, add)

    async def remove_search_attributes(self, name: str, names: Iterable[str]) -> Namespace:
        gone = set(names)
        return await self.change(name, lambda namespace: namespace.without_search_attributes(gone))

    async def ensure(
        self,
        names: Iterable[str],
        search_attributes: Mapping[str, IndexedValueType.ValueType],
        retention_seconds: float | None,
    ) -> None:
        """What every start of the server sees to: the system namespace, and these with these attributes."""
        if model.SYSTEM_NAME not in self._by_name:
            await self._keep(
                Namespace(
                    id=model.SYSTEM_ID,
                    name=model.SYSTEM_NAME,
                    description="Temporal internal system namespace",
                    owner_email="temporal-core@temporal.io",
                    retention_seconds=7 * 86400.0,
                )
            )
        for name in names:
            namespace = self._by_name.get(name)
            wanted = namespace or Namespace(id=str(uuid.uuid4()), name=name)
            if retention_seconds is not None:
                wanted = replace(wanted, retention_seconds=retention_seconds)
            if wanted != namespace:
                await self._keep(wanted)
            if search_attributes:
                await self.add_search_attributes(name, search_attributes)

    async def reconcile(self, declared: Iterable[DeclaredNamespace]) -> None:
        """Make these namespaces as they are declared; what a declaration does not mention stays."""
        for wanted in declared:
            if wanted.name not in self._by_name:
                await self._keep(Namespace(id=str(uuid.uuid4()), name=wanted.name))
            changes = {
                "description": wanted.description,
                "owner_email": wanted.owner_email,
                "retention_seconds": wanted.retention_seconds,
            }
            given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
            await self.change(wanted.name, partial(_replaced, given))
            await self.add_search_attributes(wanted.name, wanted.search_attributes)

    # -- within ---------------------------------------------------------------------------------------------------

    async def _keep(self, namespace: Namespace) -> Namespace:
        await self._database.write(storage.statements_for(namespace))
        self._publish(namespace)
        return namespace

    def _publish(self, namespace: Namespace) -> None:
        before = self._by_id.get(namespace.id)
        if before is not None and before.name != namespace.name:
            del self._by_name[before.name]
        self._by_id[namespace.id] = namespace
        self._by_name[namespace.name] = namespace

    def _deleted_name(self, namespace: Namespace) -> str:
        """`name-deleted-<the id's first characters>`, with as many of them as it takes to be unique."""
        for size in range(5, len(namespace.id) + 1):
            name = f"{namespace.name}-deleted-{namespace.id[:size]}"
            if name not in self._by_name:
                return name
        raise AssertionError("a namespace's id is unique")

    def _unknown(self, name: str) -> InvalidArgument | NamespaceNotFound:
        if not name:
            return InvalidArgument("Namespace is empty.")
        if length(name) > self._settings.max_id_length:
            return InvalidArgument("Namespace length exceeds limit.")
        return NamespaceNotFound(name)


def _replaced(changes: dict[str, Any], namespace: Namespace) -> Namespace:
    return replace(namespace, **changes)


def _invalid_state(namespace: Namespace, allowed: tuple[NamespaceState.ValueType, ...]) -> NamespaceInvalidState:
    must_be = " or ".join(_state_name(state) for state in allowed)
    return NamespaceInvalidState(
        f"Namespace has invalid state: {_state_name(namespace.state)}. Must be {must_be}.",
        namespace=namespace.name,
        state=namespace.state,
        allowed_states=allowed,
    )


def _state_name(state: NamespaceState.ValueType) -> str:
    return NamespaceState.Name(state).removeprefix("NAMESPACE_STATE_").capitalize()
