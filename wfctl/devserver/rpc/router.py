"""Every RPC's one row: its name, its function. What has no row answers UNIMPLEMENTED with its name."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.operatorservice.v1 import service_pb2 as operator_service
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_service

from wfctl.devserver.core.errors import Internal, ServiceError
from wfctl.devserver.rpc import client_headers, status, unimplemented
from wfctl.devserver.rpc.admission import STARTS, Admission, Gate
from wfctl.devserver.rpc.backend import Backend, Call

# (backend, request, call) -> response message, or the response already serialized.
Function = Callable[[Backend, Any, Call], Awaitable[Message | bytes]]

SERVICES: tuple[ServiceDescriptor, ...] = (
    workflow_service.DESCRIPTOR.services_by_name["WorkflowService"],
    operator_service.DESCRIPTOR.services_by_name["OperatorService"],
)


def implemented() -> dict[str, Function]:
    """The rows of every noun, by RPC name. Names are unique over both services."""
    from wfctl.devserver.rpc import TABLES

    rows: dict[str, Function] = {}
    for table in TABLES:
        for name, function in table.items():
            assert name not in rows, f"two rows for {name}"
            rows[name] = function
    return rows


class Router(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Looks a call's method up in the tables."""

    def __init__(self, backend: Backend) -> None:
        rows, admission = implemented(), Admission(backend.settings)
        self._handlers = {
            f"/{service.full_name}/{method.name}": _handler(backend, method, rows.get(method.name), admission)
            for service in SERVICES
            for method in service.methods
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handlers.get(handler_call_details.method)

    def of_service(self, service: ServiceDescriptor, methods: Iterable[str]) -> dict[str, grpc.RpcMethodHandler]:
        """Handlers by the names of a service's methods."""
        return {method: self._handlers[f"/{service.full_name}/{method}"] for method in methods}


def _serialize(response: Message | bytes) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()


def _handler(
    backend: Backend, method: MethodDescriptor, function: Function | None, admission: Admission
) -> grpc.RpcMethodHandler:
    request_type = GetMessageClass(method.input_type)
    if function is None:
        behaviour = _unimplemented(method.name)
    else:
        if method.name in STARTS:
            function = _with_backlog_checked(function, admission)
        behaviour = _behaviour(backend, function, request_type.FromString, admission.gate(method.name))
    return grpc.unary_unary_rpc_method_handler(behaviour, None, _serialize)


def _behaviour(
    backend: Backend, function: Function, parse: Callable[[bytes], Message], gate: Gate
) -> Callable[[bytes, Any], Awaitable[Message | bytes]]:
    async def call(body: bytes, context: Any) -> Message | bytes:
        try:
            client_headers.check(context.invocation_metadata())
            request, size = parse(body), len(body)
            namespace: str = getattr(request, "namespace", "")
            gate.enter(namespace, size)
            try:
                return await function(backend, request, Call(context, time.monotonic()))
            finally:
                gate.leave(namespace, size)
        except ServiceError as error:
            await status.abort(context, error)
        except DecodeError as error:
            await status.abort(context, Internal(f"grpc: error unmarshalling request: {error}"))

    return call


def _with_backlog_checked(function: Function, admission: Admission) -> Function:
    async def call(backend: Backend, request: Any, call: Call) -> Message | bytes:
        namespace = backend.namespaces.find(request.namespace)
        if namespace is not None:
            admission.check_backlog(namespace.name, backend.queues.backlog_count(namespace.id))
        return await function(backend, request, call)

    return call


def _unimplemented(name: str) -> Callable[[bytes, Any], Awaitable[Message | bytes]]:
    async def call(body: bytes, context: Any) -> Message | bytes:
        return await context.abort(grpc.StatusCode.UNIMPLEMENTED, unimplemented.message(name))  # type: ignore[no-any-return]

    return call
