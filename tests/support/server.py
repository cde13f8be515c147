"""A server process for tests: ours, or any other that takes `server start-dev`'s flags (`WFCTL_TEST_SERVER`).

WFCTL_TEST_SERVER=/path/to/temporal pytest tests/sdk     # are the tests right about a peer?
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeNamespaceResponse

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 30.0
STOP_SECONDS = 15.0


def server_command() -> list[str]:
    other = os.environ.get("WFCTL_TEST_SERVER")
    return shlex.split(other) if other else [sys.executable, "-m", "wfctl"]


def wfctl_executable(directory: Path) -> Path:
    """One file that an SDK can start by path: the installed console script, or a stand-in for a bare checkout."""
    if not os.environ.get("WFCTL_TEST_SERVER"):
        installed = Path(sys.executable).parent / "wfctl"
        if installed.exists():
            return installed
    script = directory / "wfctl"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(server_command())} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Server:
    """A running server; `kill` is `kill -9`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def wait_until_ready(self) -> None:
        """Ready is: the default namespace can be described. A server that died says why."""
        deadline = time.monotonic() + READY_SECONDS
        with grpc.insecure_channel(self.address) as channel:
            describe = channel.unary_unary(
                "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace",
                request_serializer=DescribeNamespaceRequest.SerializeToString,
                response_deserializer=DescribeNamespaceResponse.FromString,
            )
            while True:
                try:
                    describe(DescribeNamespaceRequest(namespace="default"), timeout=1.0, wait_for_ready=True)
                    return
                except grpc.RpcError as error:
                    code = self.process.poll()
                    if code is not None:
                        raise RuntimeError(f"the server ended with {code}:\n{self.log.read_text()}") from error
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"no answer in {READY_SECONDS} s:\n{self.log.read_text()}") from error


def spawn_server(
    directory: Path,
    *,
    port: int | None = None,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Start `server start-dev` and do not wait for it; its output goes to `directory/server.log`."""
    port = port or free_port()
    log = directory / "server.log"
    command = [
        *server_command(),
        "server",
        "start-dev",
        "--headless",
        "--ip",
        "127.0.0.1",
        "--port",
        str(port),
        *options,
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=directory, env={**_environment(), **(environment or {})}
        )
    return Server(process, port, log)


def start_server(directory: Path, *, port: int | None = None, options: Sequence[str] = ()) -> Server:
    """Start a server and return when it answers."""
    server = spawn_server(directory, port=port, options=options)
    try:
        server.wait_until_ready()
    except BaseException:
        server.kill()
        raise
    return server


@contextlib.contextmanager
def running_server(directory: Path, *, port: int | None = None, options: Sequence[str] = ()) -> Iterator[Server]:
    server = start_server(directory, port=port, options=options)
    try:
        yield server
    finally:
        server.stop()


def _environment() -> dict[str, str]:
    """The server runs in a directory of its own and still finds this checkout."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
