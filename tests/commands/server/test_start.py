"""`wfctl server start` and `start-dev` as processes: ready, refused, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.server import ROOT

WFCTL = [sys.executable, "-m", "wfctl"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@contextlib.contextmanager
def started(directory: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A server with a free port, and the line that it says when it is ready."""
    process = subprocess.Popen(
        [*WFCTL, "server", *arguments, "--port", "0", "-o", "json"],
        cwd=directory,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process, json.loads(_pipe(process.stdout).readline())
    finally:
        process.kill()
        process.communicate()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def refused(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*WFCTL, "server", *arguments], cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_start_keeps_its_history_below_the_current_directory(tmp_path: Path) -> None:
    with started(tmp_path, "start", "--ports-file", "ports.json") as (process, ready):
        assert ready["event"] == "ready"
        assert ready["pid"] == process.pid
        assert ready["db"] == str(tmp_path / ".wfctl/dev.db")
        assert (ready["durability"], ready["recovered_workflows"]) == ("full", 0)
        assert json.loads((tmp_path / "ports.json").read_text()) == ready
        with socket.create_connection(("127.0.0.1", ready["port"])):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not (tmp_path / "ports.json").exists()
    assert sorted(path.name for path in (tmp_path / ".wfctl").iterdir()) == [".gitignore", "dev.db"]


def test_start_dev_keeps_nothing_unless_a_file_is_named(tmp_path: Path) -> None:
    with started(tmp_path, "start-dev", "--headless") as (_, ready):
        assert (ready["db"], ready["durability"]) == (None, "memory")
    assert list(tmp_path.iterdir()) == []
    with started(tmp_path, "start-dev", "-f", "mine.db", "--durability", "normal", "-n", "orders") as (_, ready):
        assert (ready["db"], ready["durability"]) == (str(tmp_path / "mine.db"), "normal")
        assert ready["namespaces"] == ["default", "orders"]


def test_an_interrupted_server_stops_at_once(tmp_path: Path) -> None:
    with started(tmp_path, "start-dev") as (process, _):
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 2
        assert _pipe(process.stderr).read() == ""


def test_a_second_server_says_who_has_the_file_or_the_port(tmp_path: Path) -> None:
    with started(tmp_path, "start") as (process, ready):
        message = refused(tmp_path, "start", "--port", "0")
        assert f"in use by the server with pid {process.pid}" in message
        assert "hint: " in message
        if sys.platform == "linux":
            message = refused(tmp_path, "start-dev", "--port", str(ready["port"]))
            assert f"port {ready['port']} is taken by pid {process.pid} (" in message


def test_flags_without_effect_say_so(tmp_path: Path) -> None:
    arguments = ["--ui-port", "1234", "--headless", "--dynamic-config-value", "frontend.x=1"]
    with started(tmp_path, "start-dev", *arguments, "--dynamic-config-value", "no.such=1") as (process, _):
        process.send_signal(signal.SIGINT)
        process.wait(10)
        said = _pipe(process.stderr).read().splitlines()
    assert said == [
        "note: --ui-port has no effect: wfctl has no web UI; try `wfctl tui`",
        "note: the setting no.such means nothing to wfctl",
    ]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n" * 100)
    message = refused(tmp_path, "start", "--port", "0", "--db-filename", "notes.txt")
    assert "is not a database" in message


@pytest.mark.parametrize("ip", ["203.0.113.1", "nowhere.invalid"])
def test_an_address_that_is_not_ours_is_refused(tmp_path: Path, ip: str) -> None:
    assert f"'{ip}' is not an IP address of this machine" in refused(tmp_path, "start-dev", "--port", "0", "--ip", ip)
