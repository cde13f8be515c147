"""The bench's arithmetic: a ratio says how many times better, whichever way a row counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.report import ROWS, Result, better_by, table
from bench.servers import command_line

SLOW = Result("peer", "file", 20, 800, 100, 110, 0.3, 1.2, 150, 300, 25, 6)
FAST = replace(SLOW, server="wfctl", workflows_per_second=240, p50_ms=10)
BY_FIELD = {row.field: row for row in ROWS}


def test_more_workflows_a_second_and_fewer_milliseconds_are_both_better() -> None:
    assert better_by(BY_FIELD["workflows_per_second"], FAST, SLOW) == 12
    assert better_by(BY_FIELD["p50_ms"], FAST, SLOW) == 10
    assert better_by(BY_FIELD["p50_ms"], SLOW, FAST) == 0.1


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
