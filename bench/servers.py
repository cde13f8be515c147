"""Starts a server as a person would, and measures it from outside: start-up, memory, CPU, stop."""

from __future__ import annotations

import contextlib
import shlex
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import grpc
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

RETRY_SECONDS = 0.01
START_LIMIT_SECONDS = 30.0
STOP_LIMIT_SECONDS = 30.0


class ServerDidNotStart(Exception):
    """The command ended, or nothing answered in time; carries the server's last words."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def command_line(command: str, port: int, database: Path | None) -> list[str]:
    """`{port}` and `{db}` in the command are filled in; without them it gets the flags of `server start-dev`."""
    if "{port}" in command:
        return [word.replace("{port}", str(port)).replace("{db}", str(database or "")) for word in shlex.split(command)]
    flags = ["--headless", "--ip", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    if database is not None:
        flags += ["--db-filename", str(database)]
    return [*shlex.split(command), *flags]


@dataclass
class RunningServer:
    process: subprocess.Popen[bytes]
    address: str
    first_workflow_seconds: float
    """From starting the process until it had acknowledged a workflow, asked every 10 ms."""
    began: float
    """When that was, on the monotonic clock."""
    _log: IO[bytes]

    def memory_mib(self) -> float:
        """Resident memory, as `ps` tells it on Linux and macOS."""
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, check=True)
        return int(told.stdout) / 1024

    def cpu_seconds(self) -> float:
        """User and system time so far; `ps` gives whole seconds only, so /proc is asked where there is one."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        if not stat.exists():
            return float("nan")
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def stop(self) -> float:
        """Interrupt it as ctrl-c does; returns how long it took to end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
        return time.monotonic() - began


def start(command: str, directory: Path, database: Path | None, extra: Sequence[str] = ()) -> RunningServer:
    """Start the server and wait for its first acknowledged workflow."""
    port = free_port()
    log = (directory / f"server-{port}.log").open("w+b")
    words = [*command_line(command, port, database), *extra]
    began = time.monotonic()
    try:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=directory)
    except OSError as error:
        log.close()
        raise ServerDidNotStart(f"{shlex.join(words)}: {error}") from None
    address = f"127.0.0.1:{port}"
    try:
        _wait_for_first_workflow(process, address, began)
    except ServerDidNotStart as error:
        process.kill()
        process.wait()
        log.seek(0)
        last_words = log.read()[-2000:].decode(errors="replace")
        log.close()
        raise ServerDidNotStart(f"{shlex.join(words)}: {error}\n{last_words}") from None
    return RunningServer(process, address, time.monotonic() - began, began, log)


def _wait_for_first_workflow(process: subprocess.Popen[bytes], address: str, began: float) -> None:
    request = StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id="bench-first",
        workflow_type=WorkflowType(name="NeverPolled"),
        task_queue=TaskQueue(name="bench-nobody"),
        request_id=str(uuid.uuid4()),
    )
    while time.monotonic() - began < START_LIMIT_SECONDS:
        if process.poll() is not None:
            raise ServerDidNotStart(f"ended with exit code {process.returncode}")
        if listens(address) and _accepts(address, request):
            return
        time.sleep(RETRY_SECONDS)
    raise ServerDidNotStart(f"no workflow started within {START_LIMIT_SECONDS:.0f} s")


def listens(address: str) -> bool:
    """Whether anybody accepts connections there."""
    host, _, port = address.partition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def _accepts(address: str, request: StartWorkflowExecutionRequest) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            WorkflowServiceStub(channel).StartWorkflowExecution(request, timeout=5)
        except grpc.RpcError:
            return False
        return True
