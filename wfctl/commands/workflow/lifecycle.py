"""`workflow cancel`, `terminate`, `delete`, `pause` and `unpause`: ends, soft and hard."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.workflow._batch import batch_request, default_reason, single_execution, start_batch
from wfctl.commands.workflow._flags import Reference, SingleOrBatch
from wfctl.errors import CommandError

if TYPE_CHECKING:
    from temporalio.api.common.v1 import WorkflowExecution


def cancel(ctx: typer.Context, which: SingleOrBatch) -> None:
    """Ask a workflow, or every workflow that matches a query, to cancel itself.

    Its code decides: it may clean up first, or go on.

        wfctl workflow cancel --workflow-id order-1
    """
    execution = single_execution(which)
    with session(ctx) as opened:
        if execution is None:
            from temporalio.api.batch.v1 import BatchOperationCancellation

            request = batch_request(opened, which)
            request.cancellation_operation.CopyFrom(BatchOperationCancellation(identity=opened.client.identity))
            start_batch(opened, request)
            return
        from temporalio.api.workflowservice.v1 import RequestCancelWorkflowExecutionRequest

        opened.workflow_service.RequestCancelWorkflowExecution(
            RequestCancelWorkflowExecutionRequest(
                namespace=opened.namespace,
                workflow_execution=execution,
                identity=opened.client.identity,
                request_id=str(uuid.uuid4()),
                reason=which.reason or "",
            )
        )
        opened.out.line("Canceled workflow")


def terminate(ctx: typer.Context, which: SingleOrBatch) -> None:
    """End a workflow, or every workflow that matches a query, at once; its code is not asked.

    wfctl workflow terminate --workflow-id order-1 --reason "wrong input"
    """
    execution = single_execution(which, reason_allowed=True)
    with session(ctx) as opened:
        if execution is None:
            from temporalio.api.batch.v1 import BatchOperationTermination

            request = batch_request(opened, which)
            request.termination_operation.CopyFrom(BatchOperationTermination(identity=opened.client.identity))
            start_batch(opened, request)
            return
        from temporalio.api.workflowservice.v1 import TerminateWorkflowExecutionRequest

        opened.workflow_service.TerminateWorkflowExecution(
            TerminateWorkflowExecutionRequest(
                namespace=opened.namespace,
                workflow_execution=execution,
                reason=which.reason or default_reason(),
                identity=opened.client.identity,
            )
        )
        opened.out.line("Workflow terminated")


def delete(ctx: typer.Context, which: SingleOrBatch) -> None:
    """Remove a workflow and its history; one that is open is terminated first.

    wfctl workflow delete --workflow-id order-1 --yes
    """
    execution = single_execution(which, yes_allowed=True)
    with session(ctx) as opened:
        _warn_if_global(opened)
        if execution is None:
            from temporalio.api.batch.v1 import BatchOperationDeletion

            request = batch_request(opened, which)
            request.deletion_operation.CopyFrom(BatchOperationDeletion(identity=opened.client.identity))
            start_batch(opened, request)
            return
        from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

        opened.confirm(_deletion_question(execution), already=which.yes)
        opened.workflow_service.DeleteWorkflowExecution(
            DeleteWorkflowExecutionRequest(namespace=opened.namespace, workflow_execution=execution)
        )
        opened.out.line("Delete workflow succeeded")


def _deletion_question(execution: WorkflowExecution) -> str:
    run = f' with Run ID "{execution.run_id}"' if execution.run_id else ""
    return f'Delete Workflow "{execution.workflow_id}"{run}?'


def _warn_if_global(opened: Session) -> None:
    """In a replicated namespace a deletion reaches every replica; a server that cannot tell gets no warning."""
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

    try:
        described = opened.workflow_service.DescribeNamespace(DescribeNamespaceRequest(namespace=opened.namespace))
    except CommandError:
        return
    if described.is_global_namespace:
        opened.out.note(
            "warning: the namespace is global, so the workflow goes from all replicas; "
            "--grpc-meta xdc-redirection=false deletes it on the addressed cluster only"
        )


@dataclass(kw_only=True)
class PauseReason:
    reason: Annotated[str | None, typer.Option("--reason", help="Why; by default, who asked for it.")] = None


def pause(ctx: typer.Context, reference: Reference, why: PauseReason) -> None:
    """Pause a workflow: its tasks and activities wait until it is unpaused (experimental)."""
    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest

        opened.workflow_service.PauseWorkflowExecution(
            PauseWorkflowExecutionRequest(**_pausing(opened, reference, why))
        )
        opened.out.line("Workflow paused")


def unpause(ctx: typer.Context, reference: Reference, why: PauseReason) -> None:
    """Let a paused workflow go on (experimental)."""
    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import UnpauseWorkflowExecutionRequest

        opened.workflow_service.UnpauseWorkflowExecution(
            UnpauseWorkflowExecutionRequest(**_pausing(opened, reference, why))
        )
        opened.out.line("Workflow unpaused")


def _pausing(opened: Session, reference: Reference, why: PauseReason) -> dict[str, str]:
    return {
        "namespace": opened.namespace,
        "workflow_id": reference.workflow_id,
        "run_id": reference.run_id or "",
        "identity": opened.client.identity,
        "reason": why.reason or default_reason(),
        "request_id": str(uuid.uuid4()),
    }
