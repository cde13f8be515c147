"""The gRPC server around the RPCs: health, reflection, versions, what is not understood, a taken port."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    GetClusterInfoRequest,
    GetSystemInfoRequest,
)

from tests.support.inprocess import InProcess, in_process, refused
from wfctl.devserver.rpc.server import PortNotBound, RpcServer
from wfctl.devserver.settings import Settings

WORKFLOW_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process() as running:
        yield running


async def test_health_is_serving(world: InProcess) -> None:
    health = health_pb2_grpc.HealthStub(world.channel)
    for service in ("", WORKFLOW_SERVICE):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with refused(grpc.StatusCode.NOT_FOUND, ""):
        await health.Check(health_pb2.HealthCheckRequest(service="nonsense"))


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_names_the_services(world: InProcess, version: str) -> None:
    info = world.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services="*"),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=WORKFLOW_SERVICE),
    ]
    listed, file = [response async for response in info(requests)]
    assert WORKFLOW_SERVICE in {service.name for service in listed.list_services_response.service}
    assert file.file_descriptor_response.file_descriptor_proto


async def test_the_server_says_what_it_is(world: InProcess) -> None:
    system = await world.workflows.GetSystemInfo(GetSystemInfoRequest())
    cluster = await world.workflows.GetClusterInfo(GetClusterInfoRequest())
    assert system.server_version == cluster.server_version
    assert "+wfctl." in system.server_version
    assert cluster.cluster_id == world.server.database.identity


async def test_a_client_that_is_too_new_is_turned_away(world: InProcess) -> None:
    request = DescribeNamespaceRequest(namespace="default")
    headers = (("client-name", "temporal-go"), ("client-version", "2.0.0"))
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "Client version 2.0.0 is not supported."):
        await world.workflows.DescribeNamespace(request, metadata=headers)


async def test_what_is_no_message_is_an_error_of_its_own(world: InProcess) -> None:
    call = world.channel.unary_unary(f"/{WORKFLOW_SERVICE}/DescribeNamespace")
    with refused(grpc.StatusCode.INTERNAL, "grpc: error unmarshalling request"):
        await call(b"\xff\xff\xff\xff")


async def test_what_is_not_implemented_says_its_name(world: InProcess) -> None:
    with refused(grpc.StatusCode.UNIMPLEMENTED, "AddOrUpdateRemoteCluster"):
        await world.channel.unary_unary("/temporal.api.operatorservice.v1.OperatorService/AddOrUpdateRemoteCluster")(
            b""
        )


async def test_a_taken_port_is_refused_not_shared(world: InProcess) -> None:
    backend: Any = SimpleNamespace(settings=Settings())
    second = RpcServer(backend)
    with pytest.raises(PortNotBound):
        second.listen("127.0.0.1", world.server.port)


async def test_stopping_waits_for_nobody() -> None:
    async with in_process() as running:
        await running.workflows.GetSystemInfo(GetSystemInfoRequest())
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
