"""The bench's arithmetic and its pictures: a ratio says how many times better, whichever way a row counts."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import fanout, fixtures, loads, steps
from bench.plot import svg
from bench.report import ROWS, Result, better_by, table
from bench.servers import command_line
from bench.sizes import Chart
from bench.soak import Window, thirds, verdicts
from wfctl.devserver.storage.checkup import Checked, examine
from wfctl.devserver.storage.inspection import facts, open_to_look

SLOW = Result(
    server="peer",
    storage="file",
    workflows_per_second=20,
    loaded_p50_ms=800,
    p50_ms=100,
    p99_ms=110,
    activities_per_second=50,
    rpcs_per_second=None,
    share_of_ceiling=None,
    first_workflow_seconds=0.3,
    stop_seconds=1.2,
    idle_mib=150,
    after_load_mib=300,
    server_cpu_ms_per_workflow=25,
    driver_cpu_ms_per_workflow=6,
)
FAST = replace(SLOW, server="wfctl", workflows_per_second=240, p50_ms=10, rpcs_per_second=1700.0)
BY_FIELD = {row.field: row for row in ROWS}


def test_more_workflows_a_second_and_fewer_milliseconds_are_both_better() -> None:
    assert better_by(BY_FIELD["workflows_per_second"], FAST, SLOW) == 12
    assert better_by(BY_FIELD["p50_ms"], FAST, SLOW) == 10
    assert better_by(BY_FIELD["p50_ms"], SLOW, FAST) == 0.1


def test_what_one_side_does_not_know_has_no_ratio() -> None:
    assert better_by(BY_FIELD["rpcs_per_second"], FAST, SLOW) is None


def test_every_figure_of_a_result_has_a_row() -> None:
    assert set(BY_FIELD) == set(asdict(FAST)) - {"server", "storage"}


def test_a_single_server_has_no_ratio_column() -> None:
    assert "ratio" not in table("file", [FAST], 50)
    assert "12.0×" in table("file", [FAST, SLOW], 50)


def test_a_command_without_placeholders_gets_the_flags_of_start_dev() -> None:
    words = command_line("temporal server start-dev", 7233, Path("bench.db"))
    assert words[:3] == ["temporal", "server", "start-dev"]
    assert words[words.index("--port") + 1] == "7233"
    assert words[words.index("--db-filename") + 1] == "bench.db"


def test_placeholders_are_filled_in_and_nothing_is_added() -> None:
    assert command_line("srv -p {port} -f {db}", 1, Path("x.db")) == ["srv", "-p", "1", "-f", "x.db"]


def test_flags_are_spelled_as_both_loads_take_them() -> None:
    assert loads.flags(at_once=50, one_by_one=0) == ["--at-once", "50", "--one-by-one", "0"]


def test_a_plot_is_well_formed_and_shows_every_series() -> None:
    chart = Chart("A <run>", "events", {"signal & wait": [(1, 0.5), (10, 2.0)], "page": [(1, 1.0), (10, 9.0)]})
    picture = svg([chart, chart, chart], "where it was measured")
    root = ElementTree.fromstring(picture)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}polyline")) == 6
    assert "A &lt;run&gt;" in picture


def test_a_server_is_compared_with_the_peer_where_both_have_such_storage() -> None:
    options = bench.parse(["--peer", "temporal server start-dev"])
    kinds = {
        storage: [kind for *_, kind in bench._contestants(options, storage)] for storage in ("memory", "normal", "full")
    }
    assert kinds == {"memory": ["memory", "memory"], "normal": ["normal"], "full": ["full", "file"]}


def test_a_big_database_has_as_many_runs_as_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "big.db"
    fixtures.build(path, open_runs=30, closed_runs=50)
    found = facts(path)
    templates = {"open": 2, "closed": 1}
    assert found.open_runs == 30 + templates["open"]
    assert found.closed_runs == 50 + templates["closed"]
    assert found.waiting_runs == 15 + 1


@pytest.mark.parametrize("events", [12, 503])
def test_a_long_history_is_one_that_a_server_could_have_made(tmp_path: Path, events: int) -> None:
    path = tmp_path / "long.db"
    fixtures.build_long_history(path, events)
    assert facts(path).longest_history == events
    with open_to_look(path) as connection:
        assert list(examine(connection, Checked(), lambda done, total: None)) == []


def windows(memory: list[float], latency: list[float]) -> list[Window]:
    return [
        Window(number, 100, 10.0, p50, mib, 5.0) for number, (mib, p50) in enumerate(zip(memory, latency, strict=True))
    ]


def test_a_soak_passes_only_when_it_is_flat() -> None:
    flat = [50.0, 60.0, 61.0, 61.0, 60.5, 61.0]
    assert thirds(flat) == (55.0, 61.0, 60.75)
    assert verdicts(windows(flat, flat)) == []
    leak = [50.0, 60.0, 70.0, 80.0, 90.0, 100.0]
    assert "memory grew" in verdicts(windows(leak, flat))[0]
    slow = [5.0, 5.0, 5.0, 5.0, 9.0, 9.0]
    assert "latency grew" in verdicts(windows(flat, slow))[0]


async def test_the_steps_of_a_workflow_are_timed_one_by_one() -> None:
    spent = await steps.measure(workflows=4, at_once=2)
    assert spent.count["step StartWorkflowExecution"] == 4
    assert spent.count["step RespondWorkflowTaskCompleted"] == 8
    assert spent.count["commit"] == 28
    assert "µs" in steps.report(spent)


@pytest.mark.parametrize("shape", list(fanout.SHAPES))
async def test_every_shape_of_a_fan_out_comes_to_its_end(shape: str) -> None:
    assert await fanout.measure(shape, 3, repeats=1) > 0


def test_the_terminal_ui_has_its_lines_in_the_report() -> None:
    names = (
        "workflows", "events", "first_screen_seconds", "idle_rpcs_per_second", "load_seconds", "memory_mib",
        "key_while_loading_p50_ms", "key_while_loading_worst_ms", "key_p50_ms", "open_run_rpcs_per_second",
    )  # fmt: skip
    machine = dict.fromkeys(("cpus", "processor", "system", "python", "sqlite", "grpcio", "load", "commit"), "x")
    told = bench.text({"machine": machine, "plan": {"at_once": 1}, "tui": dict.fromkeys(names, 3.0)})
    assert "a key while it is read, worst" in told
    assert "3.0 MiB" in told or "3 MiB" in told
