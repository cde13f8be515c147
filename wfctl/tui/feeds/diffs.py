"""Two whole histories for a comparison: of runs of the source, or one of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wfctl.errors import CommandError, UsageMistake
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.run import RunRef
from wfctl.view.diff import run_before, run_id_of

ReadFile = Callable[[Path], Iterator[Sequence[Any]]]
_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A history with the name that it goes by."""

    name: str
    run_id: str
    events: Sequence[Any]


def history(source: Source, ref: RunRef) -> Recorded:
    """Blocks. Raises CommandError."""
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

    request = GetWorkflowExecutionHistoryRequest(
        namespace=source.namespace,
        execution=WorkflowExecution(workflow_id=ref.workflow_id, run_id=ref.run_id),
        maximum_page_size=_PAGE_SIZE,
    )
    events: list[Any] = []
    while True:
        response = source.call("GetWorkflowExecutionHistory", request)
        events.extend(response.history.events)
        if not response.next_page_token:
            return Recorded(ref.workflow_id, ref.run_id or run_id_of(events), events)
        request.next_page_token = response.next_page_token


def other_side(source: Source, wanted: str | RunRef, one: Recorded, read_file: ReadFile | None) -> Recorded:
    """What somebody wants to compare with: a run, a file, a workflow id, a run id, or with no words the run before."""
    if isinstance(wanted, RunRef):
        return history(source, wanted)
    words = wanted.strip()
    if not words:
        before = run_before(one.events)
        if not before:
            raise UsageMistake("no run came before this one", hint="say a workflow id or a file to compare it with")
        return history(source, RunRef(one.name, before))
    path = Path(words).expanduser()
    if read_file is not None and path.is_file():
        found = list(read_file(path))
        if len(found) != 1:
            raise CommandError(f"{words} has {len(found)} histories, and one is needed")
        return Recorded(path.name, run_id_of(found[0]), found[0])
    if len(words) == 36 and words.count("-") == 4:
        return _run_or_workflow(source, words, one)
    return history(source, RunRef(words))


def _run_or_workflow(source: Source, words: str, one: Recorded) -> Recorded:
    """What looks like a run id is one of the same workflow, unless there is none."""
    try:
        return history(source, RunRef(one.name, words))
    except CommandError:
        return history(source, RunRef(words))
