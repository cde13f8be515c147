"""`workflow describe`: the state of a workflow, and what it waits for."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.workflow._flags import Reference
from wfctl.errors import CommandError

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

    from wfctl.view.waiting import Reason, Surroundings

_EVENTS_TO_LOOK_BACK = 500


def describe(
    ctx: typer.Context,
    reference: Reference,
    reset_points: Annotated[bool, typer.Option("--reset-points", help="Show the auto-reset points only.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Print the server's answer as JSON, whatever the format.")] = False,
) -> None:
    """Show a workflow's state, what it waits for and, once it has ended, how.

    wfctl workflow describe --workflow-id order-1
    """
    with session(ctx) as opened:
        if raw and opened.out.is_text:
            opened.out.format = "json"
        description = description_of(opened, reference)
        if reset_points:
            _print_reset_points(opened, description)
            return
        is_open = _is_open(description)
        if opened.out.is_json:
            _print_json(opened, description, is_open)
            return
        _print_cards(opened, description)
        if is_open:
            _print_pending(opened, description)
        else:
            _print_end(opened, description)


def description_of(opened: Session, reference: Reference) -> DescribeWorkflowExecutionResponse:
    from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

    description: DescribeWorkflowExecutionResponse = opened.workflow_service.DescribeWorkflowExecution(
        DescribeWorkflowExecutionRequest(namespace=opened.namespace, execution=reference.execution())
    )
    return description


def _is_open(description: DescribeWorkflowExecutionResponse) -> bool:
    from temporalio.api.enums.v1 import WorkflowExecutionStatus

    return description.workflow_execution_info.status in (
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
    )


# JSON.


def _print_json(opened: Session, description: DescribeWorkflowExecutionResponse, is_open: bool) -> None:
    from wfctl.commands.workflow.history import closing_event, ending, result_json

    value: dict[str, Any] = opened.as_json(description)
    if not is_open:
        execution = description.workflow_execution_info.execution
        closed = closing_event(opened, execution.workflow_id, execution.run_id, wait=False)
        value["closeEvent"] = opened.as_json(closed)
        if ending(closed) == "COMPLETED":
            value["result"] = result_json(opened, closed)
    opened.out.value(value)


def _print_reset_points(opened: Session, description: DescribeWorkflowExecutionResponse) -> None:
    points = description.workflow_execution_info.auto_reset_points.points
    opened.out.value([opened.as_json(point) for point in points])
    opened.out.heading(f"Auto Reset Points: {len(points)}")
    for point in points:
        opened.out.card(
            [
                ("BuildId", point.build_id or point.binary_checksum),
                ("CreateTime", opened.time(point.create_time)),
                ("RunId", point.run_id),
                ("EventId", str(point.first_workflow_task_completed_id)),
            ]
        )


# Text.


def _print_cards(opened: Session, description: DescribeWorkflowExecutionResponse) -> None:
    from wfctl.commands.workflow.inspect import STATUS_PAINT
    from wfctl.view.enums import workflow_status
    from wfctl.view.payloads import fields_text

    out, info, extended = opened.out, description.workflow_execution_info, description.workflow_extended_info
    status = workflow_status(info.status)
    out.heading("Execution Info:")
    _card(
        opened,
        [
            ("WorkflowId", info.execution.workflow_id),
            ("RunId", info.execution.run_id),
            ("Status", out.paint(status, STATUS_PAINT.get(status))),
            ("Type", info.type.name),
            ("Namespace", opened.namespace),
            ("TaskQueue", info.task_queue),
            ("AssignedBuildId", info.assigned_build_id),
            ("StartTime", opened.time(info.start_time)),
            ("CloseTime", opened.time(info.close_time)),
            ("ExecutionTime", opened.time(info.execution_time)),
            ("Memo", fields_text(info.memo.fields)),
            ("SearchAttributes", fields_text(info.search_attributes.indexed_fields)),
            ("StateTransitionCount", str(info.state_transition_count)),
            ("HistoryLength", str(info.history_length)),
            ("HistorySize", str(info.history_size_bytes)),
            ("ParentWorkflowId", info.parent_execution.workflow_id),
            ("ParentRunId", info.parent_execution.run_id),
            ("RootWorkflowId", info.root_execution.workflow_id),
            ("RootRunId", info.root_execution.run_id),
        ],
    )
    out.heading("Extended Execution Info:")
    _card(
        opened,
        [
            ("CancelRequested", str(extended.cancel_requested).lower()),
            ("ExecutionExpirationTime", opened.time(extended.execution_expiration_time)),
            ("RunExpirationTime", opened.time(extended.run_expiration_time)),
            ("LastResetTime", opened.time(extended.last_reset_time)),
            ("OriginalStartTime", opened.time(extended.original_start_time)),
        ],
    )
    _print_metadata(opened, description)
    _print_versioning(opened, info.versioning_info)
    _print_callbacks(opened, description)


def _card(opened: Session, rows: list[tuple[str, str]]) -> None:
    opened.out.card([(name, value) for name, value in rows if value])


def _print_metadata(opened: Session, description: DescribeWorkflowExecutionResponse) -> None:
    from wfctl.view.payloads import summary_text

    metadata = description.execution_config.user_metadata
    rows = [
        (name, summary_text(payload))
        for name, payload in (("StaticSummary", metadata.summary), ("StaticDetails", metadata.details))
        if payload.data
    ]
    if rows:
        opened.out.line()
        opened.out.heading("Metadata:")
        opened.out.card(rows)


def _print_versioning(opened: Session, versioning: Any) -> None:
    from temporalio.api.enums.v1 import VersioningBehavior

    from wfctl.view.enums import camel

    override = versioning.versioning_override
    pinned = override.pinned.version
    rows = [
        ("Behavior", camel(VersioningBehavior.Name(versioning.behavior), "VERSIONING_BEHAVIOR_")),
        ("DeploymentName", versioning.deployment_version.deployment_name),
        ("BuildId", versioning.deployment_version.build_id),
        ("OverrideBehavior", camel(override.WhichOneof("override") or "", "").capitalize()),
        ("OverridePinnedVersionDeploymentName", pinned.deployment_name),
        ("OverridePinnedVersionBuildId", pinned.build_id),
    ]
    if any(value and value != "Unspecified" for _, value in rows):
        opened.out.line()
        opened.out.heading("Versioning Info:")
        _card(opened, rows)


def _print_callbacks(opened: Session, description: DescribeWorkflowExecutionResponse) -> None:
    from temporalio.api.enums.v1 import CallbackState

    from wfctl.view.enums import camel

    if not description.callbacks:
        return
    opened.out.line()
    opened.out.heading(f"Callbacks: {len(description.callbacks)}")
    for callback in description.callbacks:
        _card(
            opened,
            [
                ("URL", callback.callback.nexus.url),
                ("State", camel(CallbackState.Name(callback.state), "CALLBACK_STATE_")),
                ("Attempt", str(callback.attempt)),
                ("RegistrationTime", opened.time(callback.registration_time)),
                ("NextAttemptScheduleTime", opened.time(callback.next_attempt_schedule_time)),
                ("BlockedReason", callback.blocked_reason),
                ("LastAttemptFailure", callback.last_attempt_failure.message),
            ],
        )


def _print_pending(opened: Session, description: DescribeWorkflowExecutionResponse) -> None:
    from wfctl.view.waiting import why_it_waits

    out = opened.out
    out.line()
    out.heading(f"Pending Activities: {len(description.pending_activities)}")
    for activity in description.pending_activities:
        _print_activity(opened, activity)
    out.heading(f"Pending Child Workflows: {len(description.pending_children)}")
    for child in description.pending_children:
        _card(
            opened,
            [("WorkflowId", child.workflow_id), ("RunId", child.run_id), ("Type", child.workflow_type_name)],
        )
    out.heading(f"Pending Nexus Operations: {len(description.pending_nexus_operations)}")
    out.line()
    out.heading("Waiting for:")
    for reason in why_it_waits(description, _surroundings(opened, description), opened.now):
        _print_reason(opened, reason)


def _print_reason(opened: Session, reason: Reason) -> None:
    out = opened.out
    out.line(f"  {out.paint(reason.what, 'yellow' if reason.urgent else None)}")
    for detail in reason.details:
        out.line(f"    {detail}")
    if reason.hint:
        out.line(f"    hint: {reason.hint}")


def _print_activity(opened: Session, activity: Any) -> None:
    from wfctl.view.enums import pending_activity_state
    from wfctl.view.failures import failure_text
    from wfctl.view.payloads import payloads_text

    opened.out.line()
    _card(
        opened,
        [
            ("ActivityId", activity.activity_id),
            ("Type", activity.activity_type.name),
            ("State", pending_activity_state(activity.state)),
            ("Attempt", str(activity.attempt)),
            ("MaximumAttempts", str(activity.maximum_attempts) if activity.maximum_attempts else ""),
            ("ScheduledTime", opened.time(activity.scheduled_time)),
            ("LastStartedTime", opened.time(activity.last_started_time)),
            ("LastHeartbeatTime", opened.time(activity.last_heartbeat_time)),
            ("NextAttemptScheduleTime", opened.time(activity.next_attempt_schedule_time)),
            ("ExpirationTime", opened.time(activity.expiration_time)),
            ("LastFailure", failure_text(activity.last_failure) if activity.HasField("last_failure") else ""),
            ("LastWorkerIdentity", activity.last_worker_identity),
            (
                "LastHeartbeatDetails",
                payloads_text(activity.heartbeat_details),
            ),
        ],
    )
    opened.out.line()


def _print_end(opened: Session, description: DescribeWorkflowExecutionResponse) -> None:
    from wfctl.commands.workflow.history import closing_event, print_text_outcome

    info = description.workflow_execution_info
    closed = closing_event(opened, info.execution.workflow_id, info.execution.run_id, wait=False)
    took = info.close_time.ToDatetime() - info.start_time.ToDatetime()
    opened.out.line()
    print_text_outcome(opened, closed, took.total_seconds())


def _surroundings(opened: Session, description: DescribeWorkflowExecutionResponse) -> Surroundings:
    """Look around: who polls the queues that tasks wait on, open timers, how the last workflow task failed."""
    from wfctl.client.surroundings import look_around

    info = description.workflow_execution_info
    recent = _recent_events(opened, info.execution.workflow_id, info.execution.run_id)
    return look_around(opened.call, opened.namespace, description, recent)


def _recent_events(opened: Session, workflow_id: str, run_id: str) -> list[HistoryEvent]:
    from wfctl.commands.workflow.history import events_newest_first

    try:
        return list(events_newest_first(opened, workflow_id, run_id, limit=_EVENTS_TO_LOOK_BACK))
    except CommandError:
        # As with the pollers: what is known without it is worth showing.
        return []


def why(ctx: typer.Context, reference: Reference) -> None:
    """Say in one sentence why a workflow is where it is, and then all that it waits for.

    wfctl workflow why --workflow-id order-1
    """
    with session(ctx) as opened:
        from wfctl.view.why import explain

        description = description_of(opened, reference)
        if _is_open(description):
            answer = explain(description, _surroundings(opened, description), opened.now)
        else:
            answer = explain(description, _nothing_around(), opened.now, _closing_event(opened, description))
        opened.out.value(
            {"why": answer.sentence, "mood": answer.mood, "reasons": [asdict(reason) for reason in answer.reasons]}
        )
        opened.out.line(opened.out.paint(answer.sentence, "yellow" if answer.mood == "wrong" else None))
        for reason in answer.reasons if len(answer.reasons) > 1 else ():
            _print_reason(opened, reason)
        if len(answer.reasons) == 1 and answer.reasons[0].hint and answer.reasons[0].details:
            opened.out.line(f"hint: {answer.reasons[0].hint}")


def _nothing_around() -> Surroundings:
    from wfctl.view.waiting import Surroundings

    return Surroundings(pollers={})


def _closing_event(opened: Session, description: DescribeWorkflowExecutionResponse) -> HistoryEvent:
    from wfctl.commands.workflow.history import closing_event

    execution = description.workflow_execution_info.execution
    return closing_event(opened, execution.workflow_id, execution.run_id, wait=False)
