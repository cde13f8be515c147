"""DeleteWorkflowExecution: gone from history and visibility when it is answered."""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, DeleteWorkflowExecutionResponse

from wfctl.devserver.rpc.backend import Backend, Call
from wfctl.devserver.rpc.requests import check_execution
from wfctl.devserver.services import deletion


async def delete_workflow_execution(
    backend: Backend, request: DeleteWorkflowExecutionRequest, call: Call
) -> DeleteWorkflowExecutionResponse:
    namespace = backend.namespaces.resolve(request.namespace)
    check_execution(request, "workflow_execution")
    wanted = request.workflow_execution
    await deletion.delete_workflow_execution(backend.runs, namespace.id, wanted.workflow_id, wanted.run_id)
    return DeleteWorkflowExecutionResponse()


RPCS = {"DeleteWorkflowExecution": delete_workflow_execution}
