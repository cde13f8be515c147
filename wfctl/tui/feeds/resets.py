"""Resetting a run, and what that leaves behind: at an event, or at its first or last workflow task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from wfctl.errors import CommandError, UsageMistake
from wfctl.tui.feeds.requests import Done, Values, ask, execution
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.run import ItemMaker, RunRef, reset_point, reset_preview

_PAGE_SIZE = 1000


def reset(source: Source, ref: RunRef, values: Values) -> Done:
    response = ask(
        source,
        "ResetWorkflowExecution",
        workflow_execution=execution(ref),
        reason=values["reason"],
        workflow_task_finish_event_id=_event_id(source, ref, values["event"].strip()),
    )
    return Done(f"reset; the new run is {response.run_id}")


def _event_id(source: Source, ref: RunRef, text: str) -> int:
    if text.isdigit():
        return int(text)
    if text.lower() not in ("first", "last"):
        raise UsageMistake(f"'{text}' is neither an event id, nor first, nor last")
    event_id = reset_point(read_items(source, ref), text)
    if event_id is None:
        raise CommandError(f"{ref.workflow_id} has completed no workflow task that it could be reset to")
    return event_id


def read_items(source: Source, ref: RunRef) -> list[Any]:
    """The whole history. Raises CommandError."""
    maker = ItemMaker()
    return [item for events in _pages(source, ref) for item in maker.items(events)]


def preview(items: Sequence[Any], text: str) -> str:
    """What a reset at what was typed would do; nothing as long as that is no event."""
    event_id = reset_point(items, text)
    return reset_preview(items, event_id) if event_id is not None else ""


def _pages(source: Source, ref: RunRef) -> Iterator[Sequence[Any]]:
    token = b""
    while True:
        answer = ask(
            source,
            "GetWorkflowExecutionHistory",
            execution=execution(ref),
            maximum_page_size=_PAGE_SIZE,
            next_page_token=token,
        )
        yield answer.history.events
        token = answer.next_page_token
        if not token:
            return
