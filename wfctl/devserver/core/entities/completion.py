"""How a run begins and how it ends: by its own command, by a timeout, by termination — and what run follows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import (
    CancelWorkflowExecutionCommandAttributes,
    CompleteWorkflowExecutionCommandAttributes,
    ContinueAsNewWorkflowExecutionCommandAttributes,
    FailWorkflowExecutionCommandAttributes,
)
from temporalio.api.common.v1 import Link, Payloads
from temporalio.api.enums.v1 import (
    ContinueAsNewInitiator,
    EventType,
    ParentClosePolicy,
    RetryState,
    TimeoutType,
    WorkflowExecutionStatus,
)
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.failure.v1 import Failure, TimeoutFailureInfo
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionCanceledEventAttributes,
    WorkflowExecutionCompletedEventAttributes,
    WorkflowExecutionContinuedAsNewEventAttributes,
    WorkflowExecutionFailedEventAttributes,
    WorkflowExecutionStartedEventAttributes,
    WorkflowExecutionTerminatedEventAttributes,
    WorkflowExecutionTimedOutEventAttributes,
)
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core import cron, failures, overrides, reset_points, retry, timeouts
from wfctl.devserver.core.effects import Closed, LastWords, NewRun
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import BadCommand
from wfctl.devserver.core.payloads import copy_fields, merge
from wfctl.devserver.core.validation import (
    check_blob,
    check_command_id,
    check_memo,
    check_retry_policy,
    check_task_queue_name,
    duration_problem,
    refusing,
    shown_queue,
)

if TYPE_CHECKING:
    from wfctl.devserver.core.effects import Effect
    from wfctl.devserver.core.entities.child_workflow import ChildWorkflow
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext

# Who acts when the server itself does.
SERVER = "history-service"
# Who terminates a run that was reset.
RESETTER = "history-resetter"
_S = WorkflowExecutionStatus
STATUS_OF: dict[int, WorkflowExecutionStatus.ValueType] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _S.WORKFLOW_EXECUTION_STATUS_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _S.WORKFLOW_EXECUTION_STATUS_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: _S.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: _S.WORKFLOW_EXECUTION_STATUS_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: _S.WORKFLOW_EXECUTION_STATUS_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: _S.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
}


# -- the beginning --------------------------------------------------------------------------------------------------


def apply_workflow_execution_started(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionStartedEventAttributes
) -> None:
    execution.started = attributes
    execution.priority = attributes.priority
    execution.reset_points = list(attributes.prev_auto_reset_points.points)
    execution.user_metadata = event.user_metadata if event.HasField("user_metadata") else None
    execution.start_time = execution.now
    execution.memo.CopyFrom(attributes.memo)
    merge(execution.search_attributes.indexed_fields, attributes.search_attributes.indexed_fields)
    if attributes.HasField("versioning_override"):
        overrides.set_override(execution, attributes.versioning_override)


# -- commands -------------------------------------------------------------------------------------------------------


def on_complete_workflow_execution(
    context: CommandContext, command: CompleteWorkflowExecutionCommandAttributes
) -> None:
    execution = context.execution
    check_blob(
        command.result.ByteSize(),
        execution.settings,
        # The real server names this cause, of all: histories and messages should read the same here.
        Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
        "CompleteWorkflowExecutionCommandAttributes.Result exceeds size limit.",
    )
    attributes = WorkflowExecutionCompletedEventAttributes(workflow_task_completed_event_id=context.completed_event_id)
    if command.HasField("result"):
        attributes.result.CopyFrom(command.result)
    follow = _next_cron_run(execution, last_result=attributes.result, failure=None)
    if follow:
        attributes.new_execution_run_id = follow.run_id
    _close(execution, attributes, follow, **context.extras)


def on_fail_workflow_execution(context: CommandContext, command: FailWorkflowExecutionCommandAttributes) -> None:
    execution, cause = context.execution, Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES
    if not command.HasField("failure"):
        raise BadCommand(cause, "Failure is not set on FailWorkflowExecutionCommand.")
    message = "FailWorkflowExecutionCommandAttributes.Failure exceeds size limit."
    check_blob(command.failure.ByteSize(), execution.settings, cause, message)
    decision = _decide(execution, command.failure)
    # The real server lets a failed run's own retry forget the last result, and its next cron run keep it.
    follow = _next_retry_run(execution, decision, command.failure, last_result=None) or _next_cron_run(
        execution, last_result=execution.started.last_completion_result, failure=command.failure
    )
    attributes = WorkflowExecutionFailedEventAttributes(
        failure=command.failure,
        retry_state=decision.state,
        workflow_task_completed_event_id=context.completed_event_id,
        new_execution_run_id=follow.run_id if follow else "",
    )
    _close(execution, attributes, follow, **context.extras)


def on_cancel_workflow_execution(context: CommandContext, command: CancelWorkflowExecutionCommandAttributes) -> None:
    attributes = WorkflowExecutionCanceledEventAttributes(workflow_task_completed_event_id=context.completed_event_id)
    if command.HasField("details"):
        attributes.details.CopyFrom(command.details)
    _close(context.execution, attributes, None, **context.extras)


def on_continue_as_new_workflow_execution(
    context: CommandContext, command: ContinueAsNewWorkflowExecutionCommandAttributes
) -> None:
    execution = context.execution
    _check_continue_as_new(context, command)
    attributes = _continued_as_new(context, command)
    initiator = command.initiator or ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW
    retried = initiator == ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY
    new = _next_run(
        execution,
        attributes.new_execution_run_id,
        initiator,
        command.backoff_start_interval.ToTimedelta(),
        attempt=execution.started.attempt + 1 if retried else 1,
    )
    if not command.HasField("backoff_start_interval") and not new.first_workflow_task_backoff.ToTimedelta():
        new.ClearField("first_workflow_task_backoff")
    # What the command does not name is not carried over: SDKs name everything that shall be.
    for name in ("input", "header", "memo", "search_attributes", "retry_policy"):
        new.ClearField(name)
    names = ("workflow_type", "task_queue", "workflow_run_timeout", "workflow_task_timeout", "input", "header", "memo")
    copy_fields(attributes, new, *names, "search_attributes", "last_completion_result")
    if command.HasField("retry_policy"):
        new.retry_policy.CopyFrom(retry.with_defaults(command.retry_policy))
    new.cron_schedule = command.cron_schedule
    if command.HasField("failure"):
        new.continued_failure.CopyFrom(command.failure)
    follow = NewRun(attributes.new_execution_run_id, new, _start_links(execution))
    _close(execution, attributes, follow, **context.extras)


def _check_continue_as_new(context: CommandContext, command: ContinueAsNewWorkflowExecutionCommandAttributes) -> None:
    previous, settings = context.execution.started, context.execution.settings
    cause = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES
    name = "ContinueAsNewWorkflowExecutionCommand"
    workflow_type = command.workflow_type.name or previous.workflow_type.name
    queue = TaskQueue(
        name=command.task_queue.name or previous.task_queue.name,
        kind=command.task_queue.kind or workflow_task.NORMAL_QUEUE,
    )
    where = f". WorkflowType={workflow_type} TaskQueue={shown_queue(queue)}"
    with refusing(cause):
        check_command_id(workflow_type, "WorkflowType", name, settings)
    with refusing(cause, describe=lambda problem: f"error validating {name} TaskQueue: {problem}{where}"):
        check_task_queue_name(queue.name, settings)
    for field in ("WorkflowRunTimeout", "WorkflowTaskTimeout", "BackoffStartInterval"):
        duration = getattr(command, _SNAKE[field])
        if problem := duration_problem(duration):
            raise BadCommand(cause, f"Invalid {field} on {name}: {problem}{where}")
    if command.HasField("retry_policy"):
        with refusing(cause, describe=lambda problem: f"invalid WorkflowRetryPolicy on {name}: {problem}{where}"):
            check_retry_policy(retry.with_defaults(command.retry_policy))
    context.check_search_attributes(
        command.search_attributes,
        cause,
        describe=lambda problem: f"invalid SearchAttributes on {name}: {problem}{where}",
    )
    if command.inherit_build_id and queue.name != previous.task_queue.name:
        raise BadCommand(cause, "ContinueAsNew with UseCompatibleVersion cannot run on different task queue.")
    message = "ContinueAsNewWorkflowExecutionCommandAttributes. Input exceeds size limit."
    check_blob(command.input.ByteSize(), settings, cause, message)
    message = "ContinueAsNewWorkflowExecutionCommandAttributes. Memo exceeds size limit."
    check_memo(command.memo, settings, cause, message)


_SNAKE = {
    "WorkflowRunTimeout": "workflow_run_timeout",
    "WorkflowTaskTimeout": "workflow_task_timeout",
    "BackoffStartInterval": "backoff_start_interval",
}


def _continued_as_new(
    context: CommandContext, command: ContinueAsNewWorkflowExecutionCommandAttributes
) -> WorkflowExecutionContinuedAsNewEventAttributes:
    execution = context.execution
    previous = execution.started
    run_timeout = timeouts.run_timeout(
        command.workflow_run_timeout.ToTimedelta() or previous.workflow_run_timeout.ToTimedelta(),
        previous.workflow_execution_timeout.ToTimedelta(),
    )
    task_timeout = timeouts.task_timeout(
        command.workflow_task_timeout.ToTimedelta() or previous.workflow_task_timeout.ToTimedelta(),
        run_timeout,
        execution.settings,
    )
    attributes = WorkflowExecutionContinuedAsNewEventAttributes(
        new_execution_run_id=execution.new_id(),
        workflow_type=command.workflow_type if command.workflow_type.name else previous.workflow_type,
        task_queue=TaskQueue(name=command.task_queue.name or previous.task_queue.name, kind=workflow_task.NORMAL_QUEUE),
        workflow_task_completed_event_id=context.completed_event_id,
        inherit_build_id=command.inherit_build_id,
        initiator=command.initiator,
    )
    attributes.workflow_run_timeout.FromTimedelta(run_timeout)
    attributes.workflow_task_timeout.FromTimedelta(task_timeout)
    copy_fields(command, attributes, "backoff_start_interval", "input", "header", "failure", "last_completion_result")
    merge(attributes.memo.fields, command.memo.fields)
    merge(attributes.search_attributes.indexed_fields, command.search_attributes.indexed_fields)
    context.namespace.type_payloads(attributes.search_attributes)
    return attributes


def _next_run(
    execution: Execution, run_id: str, initiator: ContinueAsNewInitiator.ValueType, backoff: timedelta, attempt: int = 1
) -> WorkflowExecutionStartedEventAttributes:
    """The run that follows; a pause keeps a workflow from spinning through runs."""
    from wfctl.devserver.core import start

    lifetime = execution.now - first_task_time(execution)
    minimum = timedelta(seconds=execution.settings.continue_as_new_min_interval_seconds)
    if lifetime + backoff < minimum:
        backoff = minimum - lifetime
    return start.next_run(execution, run_id, initiator, backoff, attempt)


def _start_links(execution: Execution) -> tuple[Link, ...]:
    """The links of the first event; the runs that follow keep them."""
    return tuple(execution.history.event(1).links)


# -- ends that come from outside ------------------------------------------------------------------------------------


def terminate(
    execution: Execution,
    reason: str,
    details: Payloads | None,
    identity: str,
    *,
    links: Iterable[Link] = (),
) -> None:
    """End the run at once. A started workflow task is failed first and buffered events are kept."""
    give_up_task(execution)
    attributes = WorkflowExecutionTerminatedEventAttributes(reason=reason, identity=identity)
    if details is not None and details.ByteSize():
        attributes.details.CopyFrom(details)
    _close(execution, attributes, None, links=links)


def give_up_task(execution: Execution) -> None:
    """Fail a started workflow task, so that the run can be closed under it."""
    if execution.workflow_task.is_started:
        workflow_task.fail(
            execution,
            Cause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
            None,
            SERVER,
        )
    execution.flush()


def time_out(execution: Execution, *, chain: bool) -> None:
    """The run's time is over, or (`chain`) the time of the whole chain of runs."""
    failure = Failure(
        message="workflow timeout",
        source=failures.SOURCE,
        timeout_failure_info=TimeoutFailureInfo(timeout_type=TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE),
    )
    decision = retry.Decision(RetryState.RETRY_STATE_TIMEOUT) if chain else _decide(execution, failure)
    follow = None
    if not chain:
        last_result = execution.started.last_completion_result
        follow = _next_retry_run(execution, decision, failure, last_result=last_result) or _next_cron_run(
            execution, last_result=last_result, failure=failure
        )
    give_up_task(execution)
    _close(
        execution,
        WorkflowExecutionTimedOutEventAttributes(
            retry_state=decision.state, new_execution_run_id=follow.run_id if follow else ""
        ),
        follow,
    )


# -- closing --------------------------------------------------------------------------------------------------------


def _close(execution: Execution, attributes: Any, follow: NewRun | None, **extras: Any) -> None:
    event = execution.record(attributes, **extras)
    execution.emit(Closed(event.event_type))
    if follow:
        execution.emit(follow)
    if has_last_words(execution):
        execution.emit(LastWords())
    if not execution.buffering:  # otherwise the worker may still reject some of them with its messages
        for ended in execution.updates.abandon(next_run=follow is not None):
            execution.emit(ended)


def has_last_words(execution: Execution) -> bool:
    """Whether a closed run has something to tell its relatives."""
    return tells_parent(execution) or bool(children_to_close(execution))


def tells_parent(execution: Execution) -> bool:
    """Not when it goes on in another run, nor when a reset replaced it."""
    if not execution.started.HasField("parent_workflow_execution"):
        return False
    continued = getattr(close_attributes(execution), "new_execution_run_id", "")
    return not continued and not was_reset(execution)


def children_to_close(execution: Execution) -> list[ChildWorkflow]:
    """The children that do not outlive this run. Those of a run that was reset belong to the new run."""
    if not execution.children or was_reset(execution):
        return []
    abandon = ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
    return [child for child in execution.children.values() if child.attributes.parent_close_policy != abandon]


def close_event(execution: Execution) -> HistoryEvent:
    """The last event of a closed run."""
    return execution.history.event(execution.next_event_id - 1)


def close_attributes(execution: Execution) -> Any:
    event = close_event(execution)
    return getattr(event, event.WhichOneof("attributes") or "")


def was_reset(execution: Execution) -> bool:
    """Whether a reset closed this run: another one took its place."""
    closed = close_attributes(execution)
    return isinstance(closed, WorkflowExecutionTerminatedEventAttributes) and closed.identity == RESETTER


def apply_closed(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    execution.status = STATUS_OF[event.event_type]
    execution.close_time = execution.now
    if getattr(attributes, "new_execution_run_id", ""):
        execution.reset_points = reset_points.expiring(execution.reset_points, execution.run_id, execution.now)
    execution.timers.clear()
    execution.activities.clear()
    execution.external_signals.clear()
    execution.external_cancels.clear()


# -- the run that follows -------------------------------------------------------------------------------------------


def _decide(execution: Execution, failure: Failure) -> retry.Decision:
    started = execution.started
    policy = started.retry_policy if started.HasField("retry_policy") else None
    return retry.decide(policy, started.attempt, execution.now, chain_expiration(execution), failure)


def _next_retry_run(
    execution: Execution, decision: retry.Decision, failure: Failure, *, last_result: Payloads | None
) -> NewRun | None:
    if decision.backoff_seconds is None:
        return None
    run_id = execution.new_id()
    attributes = _next_run(
        execution,
        run_id,
        ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY,
        timedelta(seconds=decision.backoff_seconds),
        execution.started.attempt + 1,
    )
    attributes.continued_failure.CopyFrom(failure)
    _set_last_result(attributes, last_result)
    return NewRun(run_id, attributes, _start_links(execution))


def _next_cron_run(execution: Execution, *, last_result: Payloads | None, failure: Failure | None) -> NewRun | None:
    schedule = execution.started.cron_schedule
    backoff = cron.backoff(schedule, first_task_time(execution), execution.now) if schedule else None
    if backoff is None:
        return None
    run_id = execution.new_id()
    attributes = _next_run(execution, run_id, ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE, backoff)
    if failure is not None:
        attributes.continued_failure.CopyFrom(failure)
    _set_last_result(attributes, last_result)
    return NewRun(run_id, attributes, _start_links(execution))


def _set_last_result(attributes: WorkflowExecutionStartedEventAttributes, last_result: Payloads | None) -> None:
    if last_result is not None and last_result.payloads:
        attributes.last_completion_result.CopyFrom(last_result)


# -- time -----------------------------------------------------------------------------------------------------------


def first_task_time(execution: Execution) -> datetime:
    """When the first workflow task comes: the start, or the end of the first backoff."""
    return execution.start_time + execution.started.first_workflow_task_backoff.ToTimedelta()


def chain_expiration(execution: Execution) -> datetime | None:
    """When the execution timeout of the whole chain ends."""
    started = execution.started
    if execution.reset_time and (timeout := started.workflow_execution_timeout.ToTimedelta()):
        return execution.reset_time + timeout
    if started.HasField("workflow_execution_expiration_time"):
        return started.workflow_execution_expiration_time.ToDatetime(tzinfo=UTC)
    return None


def run_expiration(execution: Execution) -> datetime | None:
    """When this run's own timeout ends; the chain's may end it sooner."""
    timeout = execution.started.workflow_run_timeout.ToTimedelta()
    if not timeout:
        return None
    expiration = (execution.reset_time or first_task_time(execution)) + timeout
    chain = chain_expiration(execution)
    return min(expiration, chain) if chain else expiration


def next_deadline(execution: Execution) -> datetime | None:
    chain, run = chain_expiration(execution), run_expiration(execution)
    return min(chain, run) if chain and run else chain or run


def on_deadline(execution: Execution) -> None:
    chain = chain_expiration(execution)
    time_out(execution, chain=chain is not None and chain <= execution.now)


def pending_effects(execution: Execution) -> Iterator[Effect]:
    """A closed run may not have told its relatives before the process died; telling twice is harmless."""
    if not execution.is_running and has_last_words(execution):
        yield LastWords()
