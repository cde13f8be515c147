"""Real Python SDK workers against the server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.sdk.python.driver import SCENARIOS
from tests.sdk.report import COMMON, DRIVER_SECONDS, Report, run_driver
from tests.support.server import running_server, wfctl_executable

pytestmark = pytest.mark.timeout(DRIVER_SECONDS + 30)

DRIVER = [sys.executable, "-m", "tests.sdk.python.driver"]
NAMES = [scenario.__name__ for scenario in SCENARIOS]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        return run_driver([*DRIVER, "--address", server.address])


def test_the_driver_runs_what_every_sdk_runs() -> None:
    assert set(COMMON) <= set(NAMES)


@pytest.mark.parametrize("scenario", NAMES)
def test_a_python_worker_runs(report: Report, scenario: str) -> None:
    report.check(scenario)


def test_start_local_starts_wfctl_by_path(tmp_path: Path) -> None:
    names = ["order_saga_ships", "update_validated"]
    report = run_driver([*DRIVER, "--start-local", wfctl_executable(tmp_path), "--only", *names])
    for name in names:
        report.check(name)
    assert report.exit_code == 0, report.stderr
