"""What grpc.aio itself can do: a server that answers one RPC with nothing, on the same loop and called by the same load.

`python -m bench.ceiling PORT` serves until it is interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio

from bench import servers
from bench.loads import ROOT, Load, flags
from wfctl.devserver.event_loop import new_event_loop

METHOD = "/temporal.api.workflowservice.v1.WorkflowService/GetClusterInfo"


def measure(load: Load, at_once: int, seconds: float) -> float:
    """Null RPCs a second."""
    with _running() as address:
        answer = load.run(address, "--null", *flags(at_once=at_once, seconds=seconds))
    return float(answer["rpcs_per_second"])


@contextlib.contextmanager
def _running() -> Iterator[str]:
    port = servers.free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.ceiling", str(port)], cwd=ROOT)
    address = f"127.0.0.1:{port}"
    try:
        while not servers.listens(address):
            if process.poll() is not None:
                raise servers.ServerDidNotStart(f"the null server ended with {process.returncode}")
            time.sleep(servers.RETRY_SECONDS)
        yield address
    finally:
        process.terminate()
        process.wait()


class _Null(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(self._answer)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handler if handler_call_details.method == METHOD else None

    async def _answer(self, body: bytes, context: Any) -> bytes:
        return b""


async def _serve(port: int) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Null(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1])))
