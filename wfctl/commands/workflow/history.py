"""`workflow show`, `result` and `fix-history-json`: what happened, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.workflow._flags import Reference, Start
from wfctl.errors import CommandError, UsageMistake
from wfctl.output import shorten

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent

    from wfctl.view.timeline import EventRow

_PAGE = 1000


def show(
    ctx: typer.Context,
    reference: Reference,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Stay and show events as they come.")] = False,
    detailed: Annotated[bool, typer.Option("--detailed", help="Show every field of each event.")] = False,
    reverse: Annotated[bool, typer.Option("--reverse", help="Newest event first; not with --follow.")] = False,
) -> None:
    """Show a workflow's event history.

    As text it is a timeline: what each event concerns, how long after the one before it came, how long what it ends
    has taken, and failures in full. With `--output json` it is a history that the SDKs' replayers read.

        wfctl workflow show --workflow-id order-1 --output json > order-1.json
    """
    if reverse and follow:
        raise UsageMistake("--reverse cannot be combined with --follow")
    with session(ctx) as opened:
        if opened.out.is_json:
            _print_history(opened, reference, follow=follow, reverse=reverse)
            return
        last = show_events(
            opened, reference.workflow_id, reference.run_id or "", follow=follow, detailed=detailed, reverse=reverse
        )
        if last is not None:
            opened.out.line()
            print_text_outcome(opened, last, None)


def result(ctx: typer.Context, reference: Reference) -> None:
    """Wait until a workflow ends, and print its result.

    A workflow that continues as new is followed. The exit code is 0 only if it completes.
    """
    with session(ctx) as opened:
        run_id = reference.run_id or ""
        if opened.out.is_json and not run_id:
            run_id = _latest_run(opened, reference.workflow_id)
        closed = closing_event(opened, reference.workflow_id, run_id)
        print_outcome(opened, closed, workflow_id=reference.workflow_id, run_id=run_id)


def fix_history_json(
    ctx: typer.Context,
    source: Annotated[str, typer.Option("-s", "--source", help="Path of the history file to read.")],
    target: Annotated[str | None, typer.Option("-t", "--target", help="Path to write; without it, stdout.")] = None,
) -> None:
    """Read an event history in any JSON that Temporal's tools have written, and write it in today's."""
    from pathlib import Path

    from google.protobuf.json_format import ParseError
    from temporalio.api.history.v1 import History

    from wfctl.commands._inputs import check_json
    from wfctl.view.protojson import from_json, to_json, upgraded_history

    try:
        value = check_json(source, Path(source).read_bytes())
        history = History()
        from_json(upgraded_history(value), history)
        text = json.dumps(to_json(history, shorthand=False), ensure_ascii=False, indent=2) + "\n"
        if target:
            Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot use {error.filename}: {error.strerror}") from error
    except ParseError as error:
        raise UsageMistake(f"{source} is not an event history: {error}") from error
    if not target:
        typer.echo(text, nl=False)


# Reading events.


def _latest_run(opened: Session, workflow_id: str) -> str:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

    request = DescribeWorkflowExecutionRequest(
        namespace=opened.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    return str(opened.workflow_service.DescribeWorkflowExecution(request).workflow_execution_info.execution.run_id)


def events(
    opened: Session, workflow_id: str, run_id: str, *, follow: bool = False, closing_only: bool = False
) -> Iterator[HistoryEvent]:
    """The events of one run in order; with `follow`, until it ends."""
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.enums.v1 import HistoryEventFilterType
    from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

    kinds = HistoryEventFilterType
    request = GetWorkflowExecutionHistoryRequest(
        namespace=opened.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        maximum_page_size=_PAGE,
        wait_new_event=follow,
        history_event_filter_type=(
            kinds.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT if closing_only else kinds.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT
        ),
    )
    while True:
        response = opened.workflow_service.GetWorkflowExecutionHistory(request)
        yield from response.history.events
        request.next_page_token = response.next_page_token
        if not response.next_page_token:
            return


def events_newest_first(
    opened: Session, workflow_id: str, run_id: str, limit: int | None = None
) -> Iterator[HistoryEvent]:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest

    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=opened.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        maximum_page_size=min(limit or _PAGE, _PAGE),
    )
    seen = 0
    while True:
        response = opened.workflow_service.GetWorkflowExecutionHistoryReverse(request)
        yield from response.history.events
        seen += len(response.history.events)
        request.next_page_token = response.next_page_token
        if not response.next_page_token or (limit is not None and seen >= limit):
            return


def events_of_chain(opened: Session, workflow_id: str, run_id: str, *, follow: bool) -> Iterator[HistoryEvent]:
    """The events of a run and of the runs that it continued as."""
    while True:
        next_run = ""
        for event in events(opened, workflow_id, run_id, follow=follow):
            next_run = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id or next_run
            yield event
        if not next_run:
            return
        run_id = next_run


def closing_event(opened: Session, workflow_id: str, run_id: str, *, wait: bool = True) -> HistoryEvent:
    """The event that ended the workflow, following continue-as-new."""
    while True:
        last = None
        for event in events(opened, workflow_id, run_id, follow=wait, closing_only=True):
            last = event
        if last is None:
            raise CommandError(f"the server has no closing event of workflow '{workflow_id}'")
        run_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        if not run_id or not wait:
            return last


# Printing events.


def show_events(
    opened: Session, workflow_id: str, run_id: str, *, follow: bool, detailed: bool, reverse: bool = False
) -> HistoryEvent | None:
    """Print events as they come; the event that ended the workflow, if it has ended."""
    from wfctl.view.enums import event_type
    from wfctl.view.timeline import CLOSING, Timeline

    timeline = Timeline()
    closed = None
    found = (
        events_newest_first(opened, workflow_id, run_id)
        if reverse
        else events_of_chain(opened, workflow_id, run_id, follow=follow)
    )
    for number, event in enumerate(found):
        type = event_type(event.event_type)
        if number == 0:
            opened.out.heading("Progress:" if detailed else f"Progress:\n{_HEADER}")
        if type in CLOSING and type != "WorkflowExecutionContinuedAsNew":
            closed = event
        if type == "WorkflowExecutionStarted" and not reverse:
            timeline = Timeline()
        if detailed:
            _print_section(opened, event)
        else:
            _print_row(opened, timeline.row(event))
        if follow:
            opened.out.flush()
    return closed


_HEADER = f"{'ID':>5}  {'Time':<20}  {'After':>8}  {'Type':<26}  Details"


def _print_row(opened: Session, row: EventRow) -> None:
    from wfctl.view.durations import iso_time, short_duration
    from wfctl.view.failures import failure_text
    from wfctl.view.timeline import CLOSING

    out = opened.out
    gap = short_duration(row.gap) if row.gap.total_seconds() >= 0.001 else ""
    line = f"{row.event_id:>5}  {iso_time(row.moment):<20}  {gap:>8}  {out.paint(f'{row.type:<26}', row.tone)}"
    room = out.width - 67 - max(len(row.type) - 26, 0) if out.width is not None else None
    text = " ".join(row.text.split())
    out.line(f"{line}  {shorten(text, max(room, 20)) if room is not None else text}".rstrip())
    # How the workflow ended is printed below the timeline, and an attempt's failure in full where it is final.
    if row.failure is not None and row.type not in CLOSING:
        for failure_line in failure_text(row.failure, stack_traces=row.type != "ActivityTaskStarted").split("\n"):
            out.line(" " * 39 + out.paint(failure_line, "red"))


def _print_section(opened: Session, event: HistoryEvent) -> None:
    from wfctl.view.enums import event_type

    opened.out.line(f"--------------- [{event.event_id}] {event_type(event.event_type)} ---------------")
    for name, value in sorted(flat_fields(opened.as_json(event))):
        opened.out.line(f"{name}: {value}")
    opened.out.line()


def flat_fields(event: dict[str, Any]) -> list[tuple[str, str]]:
    """An event's fields by dotted name, its attributes lifted to the top."""
    lifted: dict[str, Any] = {}
    for key, value in event.items():
        if key.endswith("Attributes"):
            lifted.update(value)
        elif key not in ("eventId", "eventType"):
            lifted[key] = value
    return list(_flatten("", lifted))


def _flatten(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _flatten(f"{prefix}[{place}]", inner)
    elif isinstance(value, str):
        yield prefix, value
    else:
        yield prefix, json.dumps(value, ensure_ascii=False)


def _print_history(opened: Session, reference: Reference, *, follow: bool, reverse: bool) -> None:
    """Never with shorthand: the SDKs' replayers read payloads as they are stored."""
    run_id = reference.run_id or ""
    found = (
        events_newest_first(opened, reference.workflow_id, run_id)
        if reverse
        else events_of_chain(opened, reference.workflow_id, run_id, follow=follow)
        if follow
        else events(opened, reference.workflow_id, run_id)
    )
    opened.out.value({"events": [opened.as_json(event, shorthand=False) for event in found]})


# Printing how it ended.

_ENDS = {
    "workflow_execution_completed_event_attributes": "COMPLETED",
    "workflow_execution_failed_event_attributes": "FAILED",
    "workflow_execution_timed_out_event_attributes": "TIMEOUT",
    "workflow_execution_canceled_event_attributes": "CANCELED",
    "workflow_execution_terminated_event_attributes": "TERMINATED",
    "workflow_execution_continued_as_new_event_attributes": "CONTINUED_AS_NEW",
}


def print_outcome(
    opened: Session,
    closed: HistoryEvent,
    *,
    workflow_id: str,
    run_id: str,
    start: Start | None = None,
    seconds: float | None = None,
    with_history: bool = False,
) -> None:
    """Print how a workflow ended; anything but a completion is this command's failure too."""
    status = ending(closed)
    if opened.out.is_json:
        value: dict[str, Any] = {"workflowId": workflow_id, "runId": run_id}
        if start is not None:
            value.update(type=start.type, namespace=opened.namespace, taskQueue=start.task_queue)
            value["durationMillis"] = int((seconds or 0) * 1000)
        else:
            value["namespace"] = opened.namespace
        value.update(status=status, closeEvent=opened.as_json(closed))
        if status == "COMPLETED":
            value["result"] = result_json(opened, closed)
        if with_history:
            found = events(opened, workflow_id, run_id)
            value["history"] = {"events": [opened.as_json(event, shorthand=False) for event in found]}
        opened.out.value(value)
    else:
        print_text_outcome(opened, closed, seconds)
    if status != "COMPLETED":
        raise CommandError(f"workflow '{workflow_id}' did not complete: it is {status}", hint=None)


def ending(closed: HistoryEvent) -> str:
    return _ENDS.get(closed.WhichOneof("attributes") or "", "<unknown>")


def result_json(opened: Session, closed: HistoryEvent) -> Any:
    from wfctl.view.payloads import friendly_json

    payloads = closed.workflow_execution_completed_event_attributes.result.payloads
    return friendly_json(payloads, opened.as_json)


def print_text_outcome(opened: Session, closed: HistoryEvent, seconds: float | None) -> None:
    from wfctl.view.failures import failure_text
    from wfctl.view.payloads import payloads_text
    from wfctl.view.timeline import failure_of

    status = ending(closed)
    rows = [("RunTime", _run_time(seconds))] if seconds else []
    rows.append(("Status", opened.out.paint(status, "green" if status == "COMPLETED" else "red")))
    if status == "COMPLETED":
        attributes = closed.workflow_execution_completed_event_attributes
        if attributes.HasField("result") and attributes.result.payloads:
            encoding = attributes.result.payloads[0].metadata.get("encoding", b"").decode("utf-8", "replace")
            rows += [("Result", payloads_text(attributes.result)), ("ResultEncoding", encoding)]
    elif status == "TERMINATED":
        attributes_of_end = closed.workflow_execution_terminated_event_attributes
        rows += [("Reason", attributes_of_end.reason), ("By", attributes_of_end.identity)]
    failure = failure_of(closed)
    if failure is not None:
        rows.append(("Failure", failure_text(failure)))
    opened.out.heading("Results:")
    opened.out.card([(name, value) for name, value in rows if value])


def _run_time(seconds: float) -> str:
    from wfctl.view.durations import long_duration

    return long_duration(timedelta(milliseconds=int(seconds * 100) * 10))
