"""The gRPC server: the router's RPCs, health and reflection, on one port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from wfctl.devserver.rpc.backend import Backend
from wfctl.devserver.rpc.router import SERVICES, Router
from wfctl.devserver.settings import Settings

HEALTH = health.SERVICE_NAME
REFLECTION_V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"
REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"


# gRPC's asyncio server takes calls in one at a time: one of each method that is registered by name, one of all others. Those
# that workers call most have a line of their own, which is worth a sixth of the throughput; more lines are worth nothing,
# since each call that comes looks at all of them.
METHODS_WITH_A_LINE = ("PollWorkflowTaskQueue", "RespondWorkflowTaskCompleted")


class PortNotBound(Exception):
    """The address could not be listened on."""


def _options(settings: Settings) -> list[tuple[str, int]]:
    burst = settings.max_requests + settings.max_waiting_calls
    return [
        ("grpc.max_receive_message_length", settings.message_size_error),
        # Of more than a thousand calls that arrive at once, gRPC by itself cancels some at random, as if their client had:
        # leave it to admission.py, which says why and when to come back.
        ("grpc.server.max_pending_requests", burst),
        ("grpc.server.max_pending_requests_hard_limit", 2 * burst),
        ("grpc.max_send_message_length", -1),
        # Without this a second server would share the port and steal half of the calls.
        ("grpc.so_reuseport", 0),
        # Workers hold idle connections open with pings; none of them is too many.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
        ("grpc.http2.max_ping_strikes", 0),
    ]


class RpcServer:
    """Listens, serves, stops."""

    def __init__(self, backend: Backend) -> None:
        self._server = grpc.aio.server(options=_options(backend.settings))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        router, service = Router(backend), SERVICES[0]
        self._server.add_registered_method_handlers(service.full_name, router.of_service(service, METHODS_WITH_A_LINE))
        self._server.add_generic_rpc_handlers((router, _Reflection()))

    def listen(self, ip: str, port: int) -> int:
        """Bind, and return the port (which the system chooses when it is 0). Raises `PortNotBound`."""
        first, *also = ("127.0.0.1", "[::1]") if ip == "localhost" else (f"[{ip}]" if ":" in ip else ip,)
        bound = self._bind(f"{first}:{port}")
        for host in also:
            try:
                self._bind(f"{host}:{bound}")
            except PortNotBound:
                pass  # a machine without IPv6, or a foreign server there: localhost means 127.0.0.1 then
        return bound

    async def start(self) -> None:
        await self._server.start()
        for name in ("", HEALTH, *(service.full_name for service in SERVICES)):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """At once: open long polls are cut; their clients come back to the next server."""
        await self._server.stop(grace=None)

    def _bind(self, address: str) -> int:
        try:
            bound: int = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortNotBound(str(error)) from error
        if bound == 0:
            raise PortNotBound(address)
        return bound


class _Reflection(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Server reflection under its two names; its descriptors are loaded by the first call, not by the start."""

    def __init__(self) -> None:
        self._methods = {
            f"/{service}/ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(self._info)
            for service in (REFLECTION_V1ALPHA, REFLECTION_V1)
        }
        self._servicer: Any = None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._methods.get(handler_call_details.method)

    async def _info(self, bodies: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        from grpc_reflection.v1alpha import reflection, reflection_pb2

        if self._servicer is None:
            names = [service.full_name for service in SERVICES]
            self._servicer = reflection.aio.ReflectionServicer([*names, HEALTH, REFLECTION_V1, REFLECTION_V1ALPHA])

        async def requests() -> AsyncIterator[Any]:
            async for body in bodies:
                yield reflection_pb2.ServerReflectionRequest.FromString(body)

        async for response in self._servicer.ServerReflectionInfo(requests(), context):
            yield response.SerializeToString()
