"""`workflow start`, `execute` and `signal-with-start`."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from wfctl.commands._inputs import duration_of, header_of, input_payloads, memo_of, search_attributes_of, text_payload
from wfctl.commands._session import Session, session
from wfctl.commands.workflow._flags import Input, Start
from wfctl.errors import ServerRefused, UsageMistake

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Priority
    from temporalio.api.sdk.v1 import UserMetadata
    from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest


def start(ctx: typer.Context, start: Start, arguments: Input) -> None:
    """Start a workflow and print its workflow and run ID.

    Without --fail-existing, a workflow that is already open under this ID is taken as the one that was asked for.

        wfctl workflow start --type Order --task-queue orders --workflow-id order-1 --input '{"total": 12}'
    """
    with session(ctx) as opened:
        print_started(opened, start, start_workflow(opened, start, arguments))


def execute(
    ctx: typer.Context,
    start: Start,
    arguments: Input,
    detailed: Annotated[
        bool, typer.Option("--detailed", help="Show every field of each event; with JSON output, add the history.")
    ] = False,
) -> None:
    """Start a workflow, show its events as they come, and print its result.

    The exit code is 0 only if the workflow completes.

        wfctl workflow execute --type Order --task-queue orders --input '{"total": 12}'
    """
    from wfctl.commands.workflow.history import closing_event, print_outcome, show_events

    with session(ctx) as opened:
        began = time.monotonic()
        started = start_workflow(opened, start, arguments)
        if opened.out.is_text:
            print_started(opened, start, started)
            opened.out.line()
            show_events(opened, started.workflow_id, started.run_id, follow=True, detailed=detailed)
            opened.out.line()
        closed = closing_event(opened, started.workflow_id, started.run_id)
        print_outcome(
            opened,
            closed,
            workflow_id=started.workflow_id,
            run_id=started.run_id,
            start=start,
            seconds=time.monotonic() - began,
            with_history=detailed,
        )


@dataclass(kw_only=True)
class SignalInput:
    signal_name: Annotated[str, typer.Option("--signal-name", "--signal-type", help="Signal name.")]
    signal_input: Annotated[
        list[str] | None, typer.Option("--signal-input", metavar="JSON", help="Signal argument, as JSON; repeatable.")
    ] = None
    signal_input_file: Annotated[
        list[str] | None, typer.Option("--signal-input-file", help="File that holds a signal argument; repeatable.")
    ] = None
    signal_input_meta: Annotated[
        list[str] | None,
        typer.Option("--signal-input-meta", metavar="KEY=VALUE", help="Metadata of the signal arguments; repeatable."),
    ] = None
    signal_input_base64: Annotated[
        bool, typer.Option("--signal-input-base64", help="The signal arguments are written in base64.")
    ] = False


def signal_with_start(ctx: typer.Context, signal: SignalInput, start: Start, arguments: Input) -> None:
    """Send a signal to a workflow; start the workflow first if it is not open.

        wfctl workflow signal-with-start --signal-name approve --signal-input true \\
            --workflow-id order-1 --type Order --task-queue orders
    """
    if not start.workflow_id:
        raise UsageMistake("missing option '-w' / '--workflow-id'")
    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest

        same = start_request(opened, start, arguments)
        request = SignalWithStartWorkflowExecutionRequest(
            signal_name=signal.signal_name,
            signal_input=input_payloads(
                signal.signal_input,
                signal.signal_input_file,
                signal.signal_input_meta,
                signal.signal_input_base64,
                prefix="signal-",
            ),
        )
        for field, value in same.ListFields():
            if field.name in request.DESCRIPTOR.fields_by_name:
                if field.message_type is not None:
                    getattr(request, field.name).CopyFrom(value)
                else:
                    setattr(request, field.name, value)
        response = opened.workflow_service.SignalWithStartWorkflowExecution(request)
        print_started(opened, start, Started(start.workflow_id, response.run_id), with_task_queue=False)


# Shared with update-with-start.


@dataclass(frozen=True, slots=True)
class Started:
    workflow_id: str
    run_id: str


def start_workflow(opened: Session, start: Start, arguments: Input) -> Started:
    request = start_request(opened, start, arguments)
    try:
        response = opened.workflow_service.StartWorkflowExecution(request)
    except ServerRefused as refused:
        if refused.code != "ALREADY_EXISTS" or start.fail_existing:
            raise
        open_run = _open_run(opened, request.workflow_id)
        if open_run is None:
            raise
        return Started(request.workflow_id, open_run)
    return Started(request.workflow_id, response.run_id)


def _open_run(opened: Session, workflow_id: str) -> str | None:
    """The run that is open under this ID: `start` without `--fail-existing` means that one."""
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.enums.v1 import WorkflowExecutionStatus
    from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

    request = DescribeWorkflowExecutionRequest(
        namespace=opened.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    info = opened.workflow_service.DescribeWorkflowExecution(request).workflow_execution_info
    is_open = info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
    return info.execution.run_id if is_open else None


def start_request(opened: Session, start: Start, arguments: Input) -> StartWorkflowExecutionRequest:
    from temporalio.api.common.v1 import WorkflowType
    from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

    return StartWorkflowExecutionRequest(
        namespace=opened.namespace,
        workflow_id=start.workflow_id or str(uuid.uuid4()),
        workflow_type=WorkflowType(name=start.type),
        task_queue=TaskQueue(name=start.task_queue),
        input=arguments.payloads(),
        workflow_execution_timeout=duration_of(start.execution_timeout),
        workflow_run_timeout=duration_of(start.run_timeout),
        workflow_task_timeout=duration_of(start.task_timeout),
        identity=opened.client.identity,
        request_id=str(uuid.uuid4()),
        workflow_id_reuse_policy=WorkflowIdReusePolicy.Value(
            enum_name("WORKFLOW_ID_REUSE_POLICY", start.id_reuse_policy)
        ),
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.Value(
            enum_name("WORKFLOW_ID_CONFLICT_POLICY", start.id_conflict_policy)
        ),
        cron_schedule=start.cron or "",
        memo=memo_of(start.memo),
        search_attributes=search_attributes_of(start.search_attribute),
        header=header_of(start.headers),
        workflow_start_delay=duration_of(start.start_delay),
        user_metadata=_user_metadata(start.static_summary, start.static_details),
        priority=_priority(start),
    )


def enum_name(prefix: str, choice: str | None) -> str:
    """`AllowDuplicateFailedOnly` → `…_ALLOW_DUPLICATE_FAILED_ONLY`; nothing is `…_UNSPECIFIED`."""
    words = "".join(f"_{char}" if char.isupper() else char.upper() for char in choice or "Unspecified")
    return prefix + words


def _user_metadata(summary: str | None, details: str | None) -> UserMetadata | None:
    if not summary and not details:
        return None
    from temporalio.api.sdk.v1 import UserMetadata

    return UserMetadata(
        summary=text_payload(summary) if summary else None, details=text_payload(details) if details else None
    )


def _priority(start: Start) -> Priority | None:
    if start.priority_key is None and start.fairness_key is None and start.fairness_weight is None:
        return None
    from temporalio.api.common.v1 import Priority

    return Priority(
        priority_key=start.priority_key or 0,
        fairness_key=start.fairness_key or "",
        fairness_weight=start.fairness_weight or 0.0,
    )


def print_started(
    opened: Session,
    start: Start,
    started: Started,
    *,
    with_task_queue: bool = True,
    more: dict[str, object] | None = None,
) -> None:
    values: dict[str, object] = {
        "workflowId": started.workflow_id,
        "runId": started.run_id,
        "type": start.type,
        "namespace": opened.namespace,
    }
    if with_task_queue:
        values["taskQueue"] = start.task_queue
    values.update(more or {})
    opened.out.value(values)
    opened.out.heading("Running execution:")
    opened.out.card((name[:1].upper() + name[1:], str(value)) for name, value in values.items())
