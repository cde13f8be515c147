"""ResetWorkflowExecution: back to an earlier workflow task, in a new run."""

from __future__ import annotations

from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.workflow.v1 import PostResetOperation, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest, ResetWorkflowExecutionResponse

from wfctl.devserver.core import reset
from wfctl.devserver.core.entities import options
from wfctl.devserver.core.errors import Internal, InvalidArgument
from wfctl.devserver.core.validation import length
from wfctl.devserver.rpc import execution_options
from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.requests import check_execution
from wfctl.devserver.services import resets as service


async def reset_workflow_execution(
    backend: Backend, request: ResetWorkflowExecutionRequest, call: Call
) -> ResetWorkflowExecutionResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    if not request.request_id:
        raise InvalidArgument("RequestId is not set on request.")
    if length(request.request_id) > backend.settings.max_id_length:
        raise InvalidArgument("RequestId length exceeds limit.")
    check_execution(request, "workflow_execution")
    if request.reset_reapply_type not in ResetReapplyType.values():
        raise Internal(f"unknown reset reapply type: {request.reset_reapply_type}")
    for operation in request.post_reset_operations:
        _check_operation(operation)
    wish = reset.Reset(
        request.workflow_task_finish_event_id,
        request.reason,
        reset.excluded_types(request.reset_reapply_type, request.reset_reapply_exclude_types),
        tuple(request.post_reset_operations),
    )
    run = await service.reset_workflow_execution(
        backend.runs,
        (namespace.id, request.workflow_execution.workflow_id),
        request.workflow_execution.run_id,
        request.request_id,
        wish,
    )
    await backend.runs.committed(run)
    return ResetWorkflowExecutionResponse(run_id=run.execution.run_id)


def _check_operation(operation: PostResetOperation) -> None:
    if not operation.HasField("update_workflow_options"):
        raise InvalidArgument("unsupported post reset operation: <nil>")
    change = operation.update_workflow_options
    execution_options.check_no_time_skipping(change.workflow_execution_options)
    if change.workflow_execution_options.HasField("versioning_override"):
        execution_options.check_override_form(change.workflow_execution_options.versioning_override)
    if message := execution_options.bad_path(change.update_mask.paths):
        raise InvalidArgument(f"error applying update_options: {message}")
    options.merge(WorkflowExecutionOptions(), change.workflow_execution_options, set(change.update_mask.paths))


RPCS = {"ResetWorkflowExecution": reset_workflow_execution}
