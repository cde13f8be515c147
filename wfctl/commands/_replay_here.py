"""The replay checker for the terminal UI: one run, as it is on the screen, against local code."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from wfctl.errors import CommandError
from wfctl.tui.models.cells import Cell, cell
from wfctl.tui.models.verdict import ReplayVerdict

_TIMEOUT_SECONDS = 60.0


def replay_here(target: str, events: Sequence[Any], workflow_id: str, run_id: str) -> ReplayVerdict:
    """Raises CommandError when the code cannot be loaded."""
    from temporalio.api.history.v1 import History

    from wfctl.output import Output
    from wfctl.replay.checker import Checker, CheckOptions
    from wfctl.replay.messages import LoadFailure, WorkerOptions
    from wfctl.replay.report.text import TextReport
    from wfctl.replay.sources import StoredHistory

    stored = StoredHistory(
        origin=f"{workflow_id}/{run_id}",
        proto=History(events=events).SerializeToString(),
        workflow_id=workflow_id,
        run_id=run_id,
    )
    options = CheckOptions(WorkerOptions(targets=(target,)), jobs=1, timeout_seconds=_TIMEOUT_SECONDS)
    try:
        results = list(Checker(options).results([stored]))
    except LoadFailure as failure:
        raise CommandError(failure.sentence, hint=failure.hint or None) from failure
    if not results:
        raise CommandError("the replay gave no answer")
    result = results[0]
    words = io.StringIO()
    TextReport(Output(stdout=words, color="never")).result(result)
    cause = result.cause
    event_id = cause.event_id if cause is not None else 0
    passes = result.verdict.passes
    what = "would go on as it is recorded" if passes else f"breaks: {result.verdict.value}"
    where = f" at event {event_id}" if event_id else ""
    return ReplayVerdict(passes, f"{target} {what}{where}", event_id, _lines(words.getvalue()))


def _lines(text: str) -> list[Cell]:
    """The report's own signs say what is old and what is new."""
    found: list[Cell] = []
    for line in text.rstrip().split("\n"):
        body = line.strip()
        tone = "bad" if body.startswith(("- ", "✗", "error ")) else "ok" if body.startswith(("+ ", "✓")) else ""
        if body.startswith("--> "):
            tone = "live"
        found.append(cell(line, tone))  # type: ignore[arg-type]
    return found
