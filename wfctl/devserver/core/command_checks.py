"""What commands that reach other workflows must be like: children, signals and cancel requests to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.command.v1 import (
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes,
    StartChildWorkflowExecutionCommandAttributes,
)
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core import cron, retry
from wfctl.devserver.core.errors import BadCommand, InvalidArgument
from wfctl.devserver.core.validation import (
    check_blob,
    check_memo,
    check_pending,
    check_priority,
    check_retry_policy,
    check_task_queue_name,
    duration_problem,
    is_uuid,
    length,
    refusing,
    shown_queue,
)

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.namespace import Namespace
    from wfctl.devserver.core.transitions import CommandContext

NORMAL = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
_CHILD = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES
_SIGNAL = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES
_CANCEL = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES


# -- children -------------------------------------------------------------------------------------------------------


def check_start_child(
    context: CommandContext, command: StartChildWorkflowExecutionCommandAttributes, namespace: Namespace
) -> None:
    execution = context.execution
    _check_child_names(execution, command, namespace)
    where = f". WorkflowId={command.workflow_id} WorkflowType={command.workflow_type.name} Namespace={namespace.name}"
    _check_child_options(context, command, namespace, where)
    _check_child_sizes(context, command, namespace)
    check_pending(
        len(execution.children),
        execution.settings.pending_children,
        Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED,
        "pending child workflow executions",
    )


def _check_child_names(
    execution: Execution, command: StartChildWorkflowExecutionCommandAttributes, namespace: Namespace
) -> None:
    name, limit = "StartChildWorkflowExecutionCommand", execution.settings.max_id_length
    workflow_id, workflow_type, shown = command.workflow_id, command.workflow_type.name, namespace.name
    with refusing(_CHILD):
        if not workflow_id:
            raise InvalidArgument(
                f"Required field WorkflowId is not set on {name}. WorkflowType={workflow_type} Namespace={shown}"
            )
        if not workflow_type:
            raise InvalidArgument(
                f"Required field WorkflowType is not set on {name}. WorkflowId={workflow_id} Namespace={shown}"
            )
        if (size := length(workflow_id)) > limit:
            raise InvalidArgument(
                f"WorkflowId on {name} exceeds length limit. WorkflowId={workflow_id} Length={size} Limit={limit}"
                f" WorkflowType={workflow_type} Namespace={shown}"
            )
        if (size := length(workflow_type)) > limit:
            raise InvalidArgument(
                f"WorkflowType on {name} exceeds length limit. WorkflowId={workflow_id} WorkflowType={workflow_type}"
                f" Length={size} Limit={limit} Namespace={shown}"
            )


def _check_child_options(
    context: CommandContext,
    command: StartChildWorkflowExecutionCommandAttributes,
    namespace: Namespace,
    where: str,
) -> None:
    name, execution = "StartChildWorkflowExecutionCommand", context.execution
    for shown, duration in (
        ("WorkflowExecutionTimeout", command.workflow_execution_timeout),
        ("WorkflowRunTimeout", command.workflow_run_timeout),
        ("WorkflowTaskTimeout", command.workflow_task_timeout),
    ):
        if problem := duration_problem(duration):
            raise BadCommand(_CHILD, f"Invalid {shown} on {name}: {problem}{where}")
    if command.HasField("retry_policy"):
        with refusing(_CHILD, describe=lambda problem: f"invalid WorkflowRetryPolicy on {name}: {problem}{where}"):
            check_retry_policy(retry.with_defaults(command.retry_policy))
    if problem := cron.check(command.cron_schedule, execution.now):
        raise BadCommand(_CHILD, f"invalid CronSchedule on {name}: {problem}{where}")
    context.check_search_attributes(
        command.search_attributes,
        _CHILD,
        namespace=namespace,
        describe=lambda problem: f"invalid SearchAttributes on StartChildWorkflowCommand: {problem}{where}",
    )
    with refusing(_CHILD):
        check_priority(command.priority)
    queue = TaskQueue(name=command.task_queue.name or execution.started.task_queue.name, kind=NORMAL)
    place = f"{where} TaskQueue={shown_queue(queue)}"
    with refusing(_CHILD, describe=lambda problem: f"invalid TaskQueue on {name}: {problem}{place}"):
        check_task_queue_name(queue.name, execution.settings)
    if command.inherit_build_id and queue.name != execution.started.task_queue.name:
        raise BadCommand(
            _CHILD, "StartChildWorkflowExecution with UseCompatibleVersion cannot run on different task queue."
        )


def _check_child_sizes(
    context: CommandContext, command: StartChildWorkflowExecutionCommandAttributes, namespace: Namespace
) -> None:
    settings = context.execution.settings
    message = "StartChildWorkflowExecutionCommandAttributes. Input exceeds size limit."
    check_blob(command.input.ByteSize(), settings, _CHILD, message)
    message = "StartChildWorkflowExecutionCommandAttributes.Memo exceeds size limit."
    check_memo(command.memo, settings, _CHILD, message)


# -- signals --------------------------------------------------------------------------------------------------------


def check_signal_external(context: CommandContext, command: SignalExternalWorkflowExecutionCommandAttributes) -> None:
    execution, settings = context.execution, context.execution.settings
    with refusing(_SIGNAL):
        _check_signal_target(command, settings.max_id_length)
    check_pending(
        len(execution.external_signals),
        settings.pending_signals,
        Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_SIGNALS_LIMIT_EXCEEDED,
        "pending signals to external workflows",
    )
    message = "SignalExternalWorkflowExecutionCommandAttributes.Input exceeds size limit."
    check_blob(command.input.ByteSize(), settings, _SIGNAL, message)


def _check_signal_target(command: SignalExternalWorkflowExecutionCommandAttributes, limit: int) -> None:
    name, namespace = "SignalExternalWorkflowExecutionCommand", command.namespace
    if not command.HasField("execution"):
        raise InvalidArgument(f"Execution is not set on {name}.")
    workflow_id, run_id = command.execution.workflow_id, command.execution.run_id
    signal = f"SignalName={command.signal_name}"
    if not workflow_id:
        raise InvalidArgument(f"WorkflowId is not set on {name}. Namespace={namespace} RunId={run_id} {signal}")
    if (size := length(workflow_id)) > limit:
        raise InvalidArgument(
            f"WorkflowId on {name} exceeds length limit. WorkflowId={workflow_id} Length={size} Limit={limit}"
            f" Namespace={namespace} RunId={run_id} {signal}"
        )
    if run_id and not is_uuid(run_id):
        raise InvalidArgument(
            f"Invalid RunId set on {name}. WorkflowId={workflow_id} Namespace={namespace} RunId={run_id} {signal}"
        )
    if not command.signal_name:
        raise InvalidArgument(
            f"SignalName is not set on {name}. WorkflowId={workflow_id} Namespace={namespace} RunId={run_id}"
        )


# -- cancel requests ------------------------------------------------------------------------------------------------


def check_cancel_external(
    context: CommandContext, command: RequestCancelExternalWorkflowExecutionCommandAttributes
) -> None:
    execution, settings = context.execution, context.execution.settings
    with refusing(_CANCEL):
        _check_cancel_target(context, command, settings.max_id_length)
    check_pending(
        len(execution.external_cancels),
        settings.pending_cancel_requests,
        Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED,
        "pending requests to cancel external workflows",
    )


def _check_cancel_target(
    context: CommandContext, command: RequestCancelExternalWorkflowExecutionCommandAttributes, limit: int
) -> None:
    name, namespace = "RequestCancelExternalWorkflowExecutionCommand", command.namespace
    workflow_id, run_id = command.workflow_id, command.run_id
    where = f"WorkflowId={workflow_id} RunId={run_id} Namespace={namespace}"
    if not workflow_id:
        raise InvalidArgument(f"WorkflowId is not set on {name}. Namespace={namespace} RunId={run_id}")
    if (size := length(workflow_id)) > limit:
        raise InvalidArgument(
            f"WorkflowId on {name} exceeds length limit. WorkflowId={workflow_id} Length={size} Limit={limit}"
            f" RunId={run_id} Namespace={namespace}"
        )
    if run_id and not is_uuid(run_id):
        raise InvalidArgument(f"Invalid RunId set on {name}. {where}")
    if workflow_id in context.started_children:
        raise InvalidArgument(
            f"Start and RequestCancel for child workflow is not allowed in same workflow task. {where}"
        )
