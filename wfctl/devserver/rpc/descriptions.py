"""DescribeWorkflowExecution: everything that is known about one run."""

from __future__ import annotations

from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, PendingWorkflowTaskState, TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import (
    PendingChildExecutionInfo,
    PendingWorkflowTaskInfo,
    RequestIdInfo,
    WorkflowExecutionConfig,
    WorkflowExecutionExtendedInfo,
    WorkflowExecutionInfo,
)
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse

from wfctl.devserver.core import overrides
from wfctl.devserver.core.entities import completion
from wfctl.devserver.core.entities.child_workflow import ChildWorkflow
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.times import NEVER, timestamp
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.pending_activities import pending_activity
from wfctl.devserver.rpc.requests import check_execution


async def describe_workflow_execution(
    backend: Backend, request: DescribeWorkflowExecutionRequest, call: Call
) -> DescribeWorkflowExecutionResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    check_execution(request, "execution")
    run = await backend.runs.find(namespace.id, request.execution.workflow_id, request.execution.run_id)
    await backend.runs.committed(run)
    execution, now = run.execution, backend.clock.now()
    response = DescribeWorkflowExecutionResponse(
        execution_config=_config(execution),
        workflow_execution_info=_info(execution),
        workflow_extended_info=_extended(execution),
        pending_activities=[pending_activity(activity, now) for activity in execution.activities.values()],
        pending_children=[_child(child) for child in execution.children.values()],
    )
    if execution.workflow_task.is_pending:
        response.pending_workflow_task.CopyFrom(_workflow_task(execution))
    return response


def _config(execution: Execution) -> WorkflowExecutionConfig:
    started = execution.started
    config = WorkflowExecutionConfig(
        task_queue=TaskQueue(name=started.task_queue.name, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
        default_workflow_task_timeout=started.workflow_task_timeout,
    )
    if started.HasField("workflow_execution_timeout"):
        config.workflow_execution_timeout.CopyFrom(started.workflow_execution_timeout)
    if started.HasField("workflow_run_timeout"):
        config.workflow_run_timeout.CopyFrom(started.workflow_run_timeout)
    if execution.user_metadata is not None:
        config.user_metadata.CopyFrom(execution.user_metadata)
    return config


def _info(execution: Execution) -> WorkflowExecutionInfo:
    started = execution.started
    info = WorkflowExecutionInfo(
        execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        type=started.workflow_type,
        start_time=timestamp(execution.start_time),
        execution_time=timestamp(completion.first_task_time(execution)),
        status=execution.status,
        history_length=execution.next_event_id - 1,
        history_size_bytes=execution.history.size_bytes,
        memo=execution.memo,
        search_attributes=execution.search_attributes,
        task_queue=started.task_queue.name,
        state_transition_count=execution.transition_count,
        first_run_id=started.first_execution_run_id,
    )
    info.auto_reset_points.points.extend(execution.reset_points)
    if execution.close_time:
        info.close_time.FromDatetime(execution.close_time)
        info.execution_duration.FromTimedelta(
            max(timedelta(), execution.close_time - completion.first_task_time(execution))
        )
    info.root_execution.workflow_id, info.root_execution.run_id = execution.workflow_id, execution.run_id
    if started.HasField("root_workflow_execution"):
        info.root_execution.CopyFrom(started.root_workflow_execution)
    if started.HasField("parent_workflow_execution"):
        info.parent_namespace_id = started.parent_workflow_namespace_id
        info.parent_execution.CopyFrom(started.parent_workflow_execution)
    if execution.priority.ByteSize():
        info.priority.CopyFrom(execution.priority)
    info.auto_reset_points.SetInParent()
    if execution.worker_version is not None:
        info.most_recent_worker_version_stamp.CopyFrom(execution.worker_version)
    if execution.options is not None:
        override = info.versioning_info.versioning_override
        override.CopyFrom(execution.options)
        override.behavior = overrides.behavior_of(execution.options)
    return info


def _extended(execution: Execution) -> WorkflowExecutionExtendedInfo:
    info = WorkflowExecutionExtendedInfo(
        cancel_requested=execution.cancel_requested,
        original_start_time=execution.history.event(1).event_time,
        reset_run_id=execution.reset_run_id,
        run_expiration_time=NEVER,
    )
    for request_id, event_id in (*execution.request_ids.items(), *execution.signal_request_ids.items()):
        info.request_id_infos[request_id].CopyFrom(_request_id_info(execution, request_id, event_id))
    if execution.reset_time:
        info.last_reset_time.FromDatetime(execution.reset_time)
    if chain := completion.chain_expiration(execution):
        info.execution_expiration_time.FromDatetime(chain)
    if expiration := completion.run_expiration(execution):
        info.run_expiration_time.FromDatetime(expiration)
    return info


def _request_id_info(execution: Execution, request_id: str, event_id: int) -> RequestIdInfo:
    """Which event a request id led to; one that is still buffered has no id yet."""
    if event_id > 0:
        return RequestIdInfo(event_type=execution.history.event(event_id).event_type, event_id=event_id)
    signaled = request_id in execution.signal_request_ids
    return RequestIdInfo(
        event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        if signaled
        else EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
        buffered=True,
    )


def _child(child: ChildWorkflow) -> PendingChildExecutionInfo:
    return PendingChildExecutionInfo(
        workflow_id=child.attributes.workflow_id,
        run_id=child.run_id,
        workflow_type_name=child.attributes.workflow_type.name,
        initiated_id=child.initiated_event_id,
        parent_close_policy=child.attributes.parent_close_policy,
    )


def _workflow_task(execution: Execution) -> PendingWorkflowTaskInfo:
    task = execution.workflow_task
    info = PendingWorkflowTaskInfo(
        state=PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
        if task.is_started
        else PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED,
        attempt=task.attempt,
    )
    if task.scheduled_time:
        info.scheduled_time.FromDatetime(task.scheduled_time)
    if task.original_scheduled_time:
        info.original_scheduled_time.FromDatetime(task.original_scheduled_time)
    if task.is_started and task.started_time:
        info.started_time.FromDatetime(task.started_time)
    return info


RPCS = {"DescribeWorkflowExecution": describe_workflow_execution}
