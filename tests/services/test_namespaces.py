"""The namespace registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from wfctl.devserver.core.errors import (
    FailedPrecondition,
    InvalidArgument,
    NamespaceAlreadyExists,
    NamespaceInvalidState,
    NamespaceNotFound,
)
from wfctl.devserver.core.namespace import DEPRECATED, SYSTEM_NAME, BadBinary
from wfctl.devserver.core.visibility.attributes import BOOL, INT, KEYWORD
from wfctl.devserver.options import DeclaredNamespace
from wfctl.devserver.services.namespaces import STARTABLE, Namespaces
from wfctl.devserver.settings import Settings
from wfctl.devserver.storage.open import open_database


@pytest.fixture
async def namespaces() -> AsyncIterator[Namespaces]:
    database = await open_database(None)
    database.start()
    registry = Namespaces(database, Settings())
    await registry.ensure(["default"], {}, None)
    yield registry
    await database.close()


async def test_the_system_namespace_and_the_wanted_ones_are_there(namespaces: Namespaces) -> None:
    assert [namespace.name for namespace in namespaces.all()] == ["default", SYSTEM_NAME]
    default = namespaces.resolve("default")
    assert namespaces.by_id(default.id) is default
    assert default.retention_seconds is None


async def test_a_name_that_cannot_be_resolved_says_why(namespaces: Namespaces) -> None:
    with pytest.raises(InvalidArgument, match=r"^Namespace is empty\.$"):
        namespaces.resolve("")
    with pytest.raises(InvalidArgument, match=r"^Namespace length exceeds limit\.$"):
        namespaces.resolve("n" * 1001)
    with pytest.raises(NamespaceNotFound, match=r"^Namespace nope is not found\.$"):
        namespaces.resolve("nope")


async def test_two_registrations_of_one_name_make_one_namespace(namespaces: Namespaces) -> None:
    results = await asyncio.gather(
        *(namespaces.register("twice", retention_seconds=86400.0) for _ in range(2)), return_exceptions=True
    )
    assert sum(isinstance(result, NamespaceAlreadyExists) for result in results) == 1


async def test_a_deprecated_namespace_starts_nothing_new(namespaces: Namespaces) -> None:
    await namespaces.deprecate("default")
    assert namespaces.resolve("default").state == DEPRECATED
    with pytest.raises(NamespaceInvalidState, match=r"invalid state: Deprecated\. Must be Registered\."):
        namespaces.resolve("default", STARTABLE)


async def test_the_name_of_a_deleted_namespace_is_free_at_once(namespaces: Namespaces) -> None:
    first = await namespaces.register("mine", retention_seconds=86400.0)
    deleted = await namespaces.delete(first)
    assert deleted.name == f"mine-deleted-{first.id[:5]}"
    with pytest.raises(NamespaceNotFound):
        namespaces.resolve("mine")
    with pytest.raises(NamespaceInvalidState):
        namespaces.resolve(deleted.name)
    second = await namespaces.register("mine", retention_seconds=86400.0)
    assert second.id != first.id
    await namespaces.remove(deleted)
    with pytest.raises(NamespaceNotFound):
        namespaces.by_id(first.id)


async def test_the_system_namespace_cannot_be_deleted(namespaces: Namespaces) -> None:
    with pytest.raises(FailedPrecondition, match="unable to delete system namespace"):
        await namespaces.delete(namespaces.resolve(SYSTEM_NAME))


async def test_search_attributes_keep_their_type_and_are_limited(namespaces: Namespaces) -> None:
    await namespaces.add_search_attributes("default", {"One": KEYWORD})
    await namespaces.add_search_attributes("default", {"One": INT, "Two": INT})
    assert namespaces.resolve("default").search_attributes == {"One": KEYWORD, "Two": INT}
    with pytest.raises(InvalidArgument, match="cannot have more than 3 search attribute of type Bool"):
        await namespaces.add_search_attributes("default", {f"B{number}": BOOL for number in range(4)})
    assert namespaces.resolve("default").search_attributes == {"One": KEYWORD, "Two": INT}
    await namespaces.remove_search_attributes("default", ["One", "Nope"])
    assert namespaces.resolve("default").search_attributes == {"Two": INT}


async def test_a_declared_namespace_is_made_and_changed_where_it_says_so(namespaces: Namespaces) -> None:
    declared = DeclaredNamespace("orders", retention_seconds=7200.0, search_attributes={"One": KEYWORD})
    await namespaces.reconcile([declared])
    await namespaces.change("orders", lambda namespace: replace(namespace, description="by hand"))
    await namespaces.reconcile([replace(declared, retention_seconds=3600.0)])
    orders = namespaces.resolve("orders")
    assert (orders.description, orders.retention_seconds) == ("by hand", 3600.0)
    assert orders.search_attributes == {"One": KEYWORD}


async def test_namespaces_survive_a_restart_whole(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    database = await open_database(path)
    database.start()
    before = Namespaces(database, Settings())
    await before.ensure(["default"], {"One": KEYWORD}, 3600.0)
    await before.change(
        "default", lambda n: replace(n, data={"k": "v"}, bad_binaries={"abc": BadBinary("r", "o", 1.5)})
    )
    await database.close()

    database = await open_database(path)
    database.start()
    after = Namespaces(database, Settings())
    await after.load()
    await after.ensure(["default"], {"One": KEYWORD}, None)
    assert after.all() == before.all()
    assert after.resolve("default").search_attributes == {"One": KEYWORD}
    assert database.commits == 0
    await database.close()
