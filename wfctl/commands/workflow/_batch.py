"""One workflow, or every workflow that matches a query: the choice that several commands offer."""

from __future__ import annotations

import getpass
import uuid
from typing import TYPE_CHECKING

from wfctl.commands._session import Session
from wfctl.commands.workflow._flags import SingleOrBatch
from wfctl.errors import UsageMistake

if TYPE_CHECKING:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import StartBatchOperationRequest


def single_execution(
    which: SingleOrBatch, *, reason_allowed: bool = False, yes_allowed: bool = False
) -> WorkflowExecution | None:
    """The workflow that was named; None means the query's. Mixing the two is a mistake."""
    from temporalio.api.common.v1 import WorkflowExecution

    if which.workflow_id:
        for given, flag in (
            (which.query, "--query"),
            (which.reason and not reason_allowed, "--reason"),
            (which.yes and not yes_allowed, "--yes"),
            (which.rps, "--rps"),
        ):
            if given:
                raise UsageMistake(
                    f"{flag} cannot be used with --workflow-id", hint="it belongs to a batch, with --query"
                )
        return WorkflowExecution(workflow_id=which.workflow_id, run_id=which.run_id or "")
    if not which.query:
        raise UsageMistake("either --workflow-id or --query is needed")
    if which.run_id:
        raise UsageMistake("--run-id cannot be used with --query")
    return None


def batch_request(opened: Session, which: SingleOrBatch) -> StartBatchOperationRequest:
    """Ask for confirmation with the number of workflows, and make the request, still without its operation."""
    from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

    assert which.query is not None
    confirm_batch(opened, which.query, which.yes)
    return StartBatchOperationRequest(
        namespace=opened.namespace,
        job_id=str(uuid.uuid4()),
        visibility_query=which.query,
        reason=which.reason or default_reason(),
        max_operations_per_second=which.rps or 0.0,
    )


def confirm_batch(opened: Session, query: str, yes: bool) -> None:
    """The count is for the question only: with --yes, a batch starts even if visibility does not answer."""
    if yes:
        return
    from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest

    request = CountWorkflowExecutionsRequest(namespace=opened.namespace, query=query)
    count = opened.workflow_service.CountWorkflowExecutions(request).count
    opened.confirm(f"Start batch against approximately {count} workflow(s)?", already=False)


def start_batch(opened: Session, request: StartBatchOperationRequest) -> None:
    opened.workflow_service.StartBatchOperation(request)
    opened.out.value({"batchJobId": request.job_id})
    opened.out.line(f"Started batch for job ID: {request.job_id}")


def default_reason() -> str:
    return f"Requested from CLI by {user()}"


def user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "<unknown-user>"
