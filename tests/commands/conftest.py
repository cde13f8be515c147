"""Running a command line in this process, against a fake server or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.commands.fake_server import FakeServer, serve

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


Run = Callable[..., Finished]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    running = serve(fake)
    yield fake
    running.stop(None).wait()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    monkeypatch.setattr("wfctl.commands._session._now", lambda: NOW)
    monkeypatch.setattr("wfctl.client.channel.default_identity", lambda: "wfctl:test@host")
    monkeypatch.setattr("wfctl.commands.workflow._batch.user", lambda: "tester")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line without a server of its own."""
    from wfctl.cli import run as run_command_line

    def call(*args: str) -> Finished:
        code = run_command_line(args)
        captured = capsys.readouterr()
        return Finished(code, captured.out, captured.err)

    return call


@pytest.fixture
def wfctl(run: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line against the fake server."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
    return run


def check_golden(name: str, text: str) -> None:
    """Compare with a golden file; `UPDATE_GOLDEN=1` writes it instead."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
