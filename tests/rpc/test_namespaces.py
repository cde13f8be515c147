"""Namespaces and their search attributes over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType, NamespaceState
from temporalio.api.namespace.v1 import NamespaceConfig, UpdateNamespaceInfo
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    DeleteNamespaceRequest,
    ListSearchAttributesRequest,
    RemoveSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import (
    DeprecateNamespaceRequest,
    DescribeNamespaceRequest,
    ListNamespacesRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)

from tests.support.inprocess import InProcess, in_process, refused

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process() as running:
        yield running


def hours(count: int) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(hours=count))
    return duration


async def register(world: InProcess, name: str, retention: Duration | None = None) -> None:
    request = RegisterNamespaceRequest(
        namespace=name, workflow_execution_retention_period=retention or hours(24), data={"team": "a"}
    )
    await world.workflows.RegisterNamespace(request)


async def described(world: InProcess, name: str) -> Any:
    return await world.workflows.DescribeNamespace(DescribeNamespaceRequest(namespace=name))


async def test_a_namespace_is_registered_described_and_updated(world: InProcess) -> None:
    await register(world, "orders")
    with refused(grpc.StatusCode.ALREADY_EXISTS, 'Namespace "orders" already exists'):
        await register(world, "orders")
    with refused(INVALID_ARGUMENT, "A valid retention period is not set on request."):
        await register(world, "brief", Duration(seconds=59))
    update = UpdateNamespaceRequest(
        namespace="orders",
        update_info=UpdateNamespaceInfo(description="Orders", data={"more": "b"}),
        config=NamespaceConfig(workflow_execution_retention_ttl=hours(72)),
    )
    await world.workflows.UpdateNamespace(update)
    found = await described(world, "orders")
    assert found.namespace_info.description == "Orders"
    assert dict(found.namespace_info.data) == {"team": "a", "more": "b"}
    assert found.config.workflow_execution_retention_ttl == hours(72)
    by_id = DescribeNamespaceRequest(id=found.namespace_info.id)
    assert (await world.workflows.DescribeNamespace(by_id)).namespace_info.name == "orders"


async def test_namespaces_are_listed_in_pages(world: InProcess) -> None:
    await register(world, "orders")
    names: list[str] = []
    token = b""
    while True:
        page = await world.workflows.ListNamespaces(ListNamespacesRequest(page_size=2, next_page_token=token))
        names += [namespace.namespace_info.name for namespace in page.namespaces]
        token = page.next_page_token
        if not token:
            break
    assert names == ["default", "orders", "temporal-system"]


async def test_a_deprecated_namespace_says_so_and_starts_nothing_new(world: InProcess) -> None:
    await register(world, "orders")
    await world.start("before", namespace="orders")
    await world.workflows.DeprecateNamespace(DeprecateNamespaceRequest(namespace="orders"))
    assert (await described(world, "orders")).namespace_info.state == NamespaceState.NAMESPACE_STATE_DEPRECATED
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "Namespace has invalid state: Deprecated. Must be Registered."):
        await world.start("after", namespace="orders")
    await world.terminate("before", namespace="orders")


async def test_a_deleted_namespace_is_gone(world: InProcess) -> None:
    await register(world, "orders")
    deleted = await world.operator.DeleteNamespace(DeleteNamespaceRequest(namespace="orders"))
    assert deleted.deleted_namespace.startswith("orders-deleted-")
    with refused(grpc.StatusCode.NOT_FOUND, "Namespace orders is not found."):
        await described(world, "orders")
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "unable to delete system namespace"):
        await world.operator.DeleteNamespace(DeleteNamespaceRequest(namespace="temporal-system"))


async def test_search_attributes_come_and_go(world: InProcess) -> None:
    async def custom() -> dict[str, int]:
        request = ListSearchAttributesRequest(namespace="default")
        return dict((await world.operator.ListSearchAttributes(request)).custom_attributes)

    add = AddSearchAttributesRequest(namespace="default", search_attributes={"Word": KEYWORD})
    await world.operator.AddSearchAttributes(add)
    assert await custom() == {"Word": KEYWORD}
    aliases = (await described(world, "default")).config.custom_search_attribute_aliases
    assert dict(aliases) == {"Keyword01": "Word"}
    remove = RemoveSearchAttributesRequest(namespace="default", search_attributes=["Word"])
    await world.operator.RemoveSearchAttributes(remove)
    assert await custom() == {}
    with refused(INVALID_ARGUMENT, "Search attribute RunId is reserved by system."):
        await world.operator.AddSearchAttributes(
            AddSearchAttributesRequest(namespace="default", search_attributes={"RunId": KEYWORD})
        )
