"""`workflow reset`: a new run that keeps the history up to a point."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.workflow._batch import confirm_batch, start_batch, user
from wfctl.commands.workflow.options import TargetVersion, override_options
from wfctl.errors import CommandError, UsageMistake

if TYPE_CHECKING:
    from temporalio.api.common.v1 import ResetOptions
    from temporalio.api.enums.v1 import ResetReapplyExcludeType, ResetReapplyType
    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.api.workflow.v1 import PostResetOperation


class ReapplyExclude(StrEnum):
    ALL = "All"
    SIGNAL = "Signal"
    UPDATE = "Update"


ResetPoint = Literal["FirstWorkflowTask", "LastWorkflowTask", "LastContinuedAsNew", "BuildId"]


def reset(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    then: Annotated[
        Literal["with-workflow-update-options"] | None,
        typer.Argument(help="Change the new run's versioning override in the same step."),
    ] = None,
    workflow_id: Annotated[
        str | None, typer.Option("-w", "--workflow-id", help="Workflow ID; without it, a batch over --query.")
    ] = None,
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="Run ID; without it, the latest run.")] = None,
    event_id: Annotated[
        int | None,
        typer.Option(
            "-e", "--event-id", min=1, help="Event to reset to: one that ends a workflow task, or follows it."
        ),
    ] = None,
    type: Annotated[
        ResetPoint | None, typer.Option("-t", "--type", case_sensitive=False, help="Where to reset to, by name.")
    ] = None,
    build_id: Annotated[
        str | None,
        typer.Option("--build-id", help="With --type BuildId: the first workflow task that this build processed."),
    ] = None,
    reapply_exclude: Annotated[
        list[ReapplyExclude] | None,
        typer.Option(
            "--reapply-exclude",
            case_sensitive=False,
            help="Events after the point that are not applied again to the new run; repeatable.",
        ),
    ] = None,
    reapply_type: Annotated[
        Literal["All", "Signal", "None"] | None,
        typer.Option("--reapply-type", case_sensitive=False, help="Older way to say that; prefer --reapply-exclude."),
    ] = None,
    query: Annotated[
        str | None, typer.Option("-q", "--query", help="List filter; every workflow that matches is reset.")
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="With --query: do not ask before.")] = False,
    versioning_override_behavior: Annotated[
        Literal["pinned", "one_time", "auto_upgrade"] | None,
        typer.Option(
            "--versioning-override-behavior", help="With with-workflow-update-options: how to choose the version."
        ),
    ] = None,
    *,
    target: TargetVersion,
) -> None:
    """Run a workflow again from a point in its history.

    The run ends, and a new one starts with the same events up to the point. Signals and updates that came after it
    are applied again, unless they are excluded.

        wfctl workflow reset --workflow-id order-1 --type LastWorkflowTask --reason "fixed the bug"
        wfctl workflow reset --workflow-id order-1 --event-id 14 --reason "charge again"
    """
    exclude, reapply = _reapply(reapply_exclude or [], reapply_type)
    if then is not None and versioning_override_behavior is None:
        raise UsageMistake("with-workflow-update-options needs --versioning-override-behavior")
    after = _after_reset(versioning_override_behavior, target)
    if workflow_id is None:
        _check_batch(query, type, run_id, event_id, build_id)
    elif query:
        raise UsageMistake("--query cannot be used with --workflow-id")
    elif type is None and event_id is None:
        raise UsageMistake("either --event-id or --type is needed", hint="`--type LastWorkflowTask` is the usual one")
    with session(ctx) as opened:
        if workflow_id is not None:
            point = Point(run_id or "", event_id or 0)
            if type is not None:
                point = find_point(opened, workflow_id, run_id or "", type, build_id)
            _reset_one(opened, workflow_id, point, reason, exclude, reapply, after)
            return
        assert query is not None
        assert type is not None
        _reset_batch(opened, query, yes, reason, _batch_options(type, build_id, exclude, reapply), after)


class Point:
    """A run, and the event in it to reset to."""

    __slots__ = ("event_id", "run_id")

    def __init__(self, run_id: str, event_id: int) -> None:
        self.run_id = run_id
        self.event_id = event_id


def _reset_one(
    opened: Session,
    workflow_id: str,
    point: Point,
    reason: str,
    exclude: list[ResetReapplyExcludeType.ValueType],
    reapply: ResetReapplyType.ValueType,
    after: list[PostResetOperation],
) -> None:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

    opened.out.line(f"Resetting workflow {workflow_id} to event ID {point.event_id}")
    response = opened.workflow_service.ResetWorkflowExecution(
        ResetWorkflowExecutionRequest(
            namespace=opened.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=point.run_id),
            reason=f"{user()}: {reason}",
            workflow_task_finish_event_id=point.event_id,
            request_id=str(uuid.uuid4()),
            reset_reapply_type=reapply,
            reset_reapply_exclude_types=exclude,
            post_reset_operations=after,
            identity=opened.client.identity,
        )
    )
    opened.message(response)
    opened.out.line(f"New run ID: {response.run_id}")


# Batches.


def _check_batch(
    query: str | None, type: ResetPoint | None, run_id: str | None, event_id: int | None, build_id: str | None
) -> None:
    if not query:
        raise UsageMistake("either --workflow-id or --query is needed")
    if run_id or event_id:
        raise UsageMistake("--run-id and --event-id cannot be used with --query")
    if type is None:
        raise UsageMistake("a batch needs --type", hint="FirstWorkflowTask, LastWorkflowTask or BuildId")
    if type == "LastContinuedAsNew":
        raise UsageMistake("--type LastContinuedAsNew cannot be used with --query")
    if type == "BuildId" and not build_id:
        raise UsageMistake("--type BuildId needs --build-id")


def _batch_options(
    type: ResetPoint,
    build_id: str | None,
    exclude: list[ResetReapplyExcludeType.ValueType],
    reapply: ResetReapplyType.ValueType,
) -> ResetOptions:
    from google.protobuf.empty_pb2 import Empty
    from temporalio.api.common.v1 import ResetOptions

    options = ResetOptions(reset_reapply_type=reapply, reset_reapply_exclude_types=exclude)
    if type == "FirstWorkflowTask":
        options.first_workflow_task.CopyFrom(Empty())
    elif type == "LastWorkflowTask":
        options.last_workflow_task.CopyFrom(Empty())
    else:
        options.build_id = build_id or ""
    return options


def _reset_batch(
    opened: Session, query: str, yes: bool, reason: str, options: ResetOptions, after: list[PostResetOperation]
) -> None:
    from temporalio.api.batch.v1 import BatchOperationReset
    from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

    confirm_batch(opened, query, yes)
    start_batch(
        opened,
        StartBatchOperationRequest(
            namespace=opened.namespace,
            job_id=str(uuid.uuid4()),
            visibility_query=query,
            reason=reason,
            reset_operation=BatchOperationReset(
                identity=opened.client.identity, options=options, post_reset_operations=after
            ),
        ),
    )


# Where to reset to, and what comes along.


def find_point(opened: Session, workflow_id: str, run_id: str, type: ResetPoint, build_id: str | None) -> Point:
    from wfctl.commands.workflow.history import events, events_newest_first

    if type == "FirstWorkflowTask":
        return Point(run_id, _task_end(events(opened, workflow_id, run_id), workflow_id))
    if type == "LastWorkflowTask":
        return Point(run_id, _task_end(events_newest_first(opened, workflow_id, run_id), workflow_id))
    if type == "LastContinuedAsNew":
        first = next(iter(events(opened, workflow_id, run_id)))
        before = first.workflow_execution_started_event_attributes.continued_execution_run_id
        if not before:
            raise CommandError(f"workflow '{workflow_id}' was not continued from another run")
        return Point(before, _task_end(events_newest_first(opened, workflow_id, before), workflow_id))
    return _build_point(opened, workflow_id, run_id, build_id)


def _task_end(found: Iterable[HistoryEvent], workflow_id: str) -> int:
    """The first completed workflow task met; if there is none, the event after the last one scheduled."""
    after_scheduled = 0
    for event in found:
        which = event.WhichOneof("attributes")
        if which == "workflow_task_completed_event_attributes":
            return event.event_id
        if which == "workflow_task_scheduled_event_attributes":
            after_scheduled = after_scheduled or event.event_id + 1
    if not after_scheduled:
        raise CommandError(f"workflow '{workflow_id}' has no workflow task to reset to")
    return after_scheduled


def _build_point(opened: Session, workflow_id: str, run_id: str, build_id: str | None) -> Point:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

    if not build_id:
        raise UsageMistake("--type BuildId needs --build-id")
    described = opened.workflow_service.DescribeWorkflowExecution(
        DescribeWorkflowExecutionRequest(
            namespace=opened.namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        )
    )
    for point in described.workflow_execution_info.auto_reset_points.points:
        if build_id in (point.build_id, point.binary_checksum):
            return Point(point.run_id, point.first_workflow_task_completed_id)
    hint = f"`wfctl workflow describe -w {workflow_id} --reset-points` lists the builds it has"
    raise CommandError(f"no reset point of build '{build_id}'", hint=hint)


def _reapply(
    exclude: list[ReapplyExclude], older: str | None
) -> tuple[list[ResetReapplyExcludeType.ValueType], ResetReapplyType.ValueType]:
    from temporalio.api.enums.v1 import ResetReapplyExcludeType, ResetReapplyType

    if older and older != "All" and exclude:
        raise UsageMistake("--reapply-type cannot be used with --reapply-exclude")
    types = ResetReapplyType
    reapply = {
        "Signal": types.RESET_REAPPLY_TYPE_SIGNAL,
        "None": types.RESET_REAPPLY_TYPE_NONE,
    }.get(older or "", types.RESET_REAPPLY_TYPE_ALL_ELIGIBLE)
    if ReapplyExclude.ALL in exclude:
        return [number for number in ResetReapplyExcludeType.values() if number], reapply
    return [ResetReapplyExcludeType.Value(f"RESET_REAPPLY_EXCLUDE_TYPE_{one.name}") for one in exclude], reapply


def _after_reset(
    behavior: Literal["pinned", "one_time", "auto_upgrade"] | None, target: TargetVersion
) -> list[PostResetOperation]:
    if behavior is None:
        return []
    from google.protobuf.field_mask_pb2 import FieldMask
    from temporalio.api.workflow.v1 import PostResetOperation

    return [
        PostResetOperation(
            update_workflow_options=PostResetOperation.UpdateWorkflowOptions(
                workflow_execution_options=override_options(behavior, target),
                update_mask=FieldMask(paths=["versioning_override"]),
            )
        )
    ]
