"""`wfctl batch`: follow the operations that `--query` starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from wfctl.commands._session import session
from wfctl.commands._tree import LazyGroup, Row
from wfctl.errors import CommandError, ExitCode, ServerRefused

_HERE = "wfctl.commands.batch"

app = LazyGroup(
    {
        "list": Row(f"{_HERE}:list_batches", "List batch operations"),
        "describe": Row(f"{_HERE}:describe", "Progress of a batch operation"),
        "terminate": Row(f"{_HERE}:terminate", "Stop a batch operation"),
    },
    help="Follow batch operations: what a workflow command with --query starts.",
)


def list_batches(
    ctx: typer.Context,
    limit: Annotated[int | None, typer.Option("--limit", min=0, help="Show at most this many.")] = None,
) -> None:
    """List the batch operations of a namespace."""
    with session(ctx) as opened:
        from temporalio.api.enums.v1 import BatchOperationState
        from temporalio.api.workflowservice.v1 import ListBatchOperationsRequest

        from wfctl.view.enums import camel

        found, token = [], b""
        while True:
            answer = opened.workflow_service.ListBatchOperations(
                ListBatchOperationsRequest(namespace=opened.namespace, next_page_token=token)
            )
            found.extend(answer.operation_info)
            token = answer.next_page_token
            if not token or (limit and len(found) >= limit):
                break
        found = found[: limit or None]
        with opened.out.listing():
            for one in found:
                opened.message(one)
        rows = [
            (
                one.job_id,
                camel(BatchOperationState.Name(one.state), "BATCH_OPERATION_STATE_"),
                opened.time(one.start_time),
                opened.time(one.close_time),
            )
            for one in found
        ]
        if rows:
            opened.out.table(("JobId", "State", "StartTime", "CloseTime"), rows)


def describe(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Option("--job-id", help="Job ID, as it was printed when the batch was started.")],
) -> None:
    """Show how far a batch operation has come.

    wfctl batch describe --job-id ae4e39bb-9915-4486-95e0-428b3a53c8d5
    """
    with session(ctx) as opened:
        from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType
        from temporalio.api.workflowservice.v1 import DescribeBatchOperationRequest

        from wfctl.view.enums import camel

        with _named(job_id):
            answer = opened.workflow_service.DescribeBatchOperation(
                DescribeBatchOperationRequest(namespace=opened.namespace, job_id=job_id)
            )
        opened.message(answer)
        rows = [
            ("Type", camel(BatchOperationType.Name(answer.operation_type), "BATCH_OPERATION_TYPE_")),
            ("State", camel(BatchOperationState.Name(answer.state), "BATCH_OPERATION_STATE_")),
            ("StartTime", opened.time(answer.start_time)),
            ("CloseTime", opened.time(answer.close_time)),
            ("CompletedCount", f"{answer.complete_operation_count}/{answer.total_operation_count}"),
            ("FailureCount", f"{answer.failure_operation_count}/{answer.total_operation_count}"),
            ("Reason", answer.reason),
            ("Identity", answer.identity),
        ]
        opened.out.card([(name, value) for name, value in rows if value])


def terminate(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Option("--job-id", help="Job ID.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
) -> None:
    """Stop a batch operation; what it has done already stays done.

    wfctl batch terminate --job-id ae4e39bb-9915-4486-95e0-428b3a53c8d5 --reason "wrong query"
    """
    with session(ctx) as opened:
        from temporalio.api.workflowservice.v1 import StopBatchOperationRequest

        request = StopBatchOperationRequest(
            namespace=opened.namespace, job_id=job_id, reason=reason, identity=opened.client.identity
        )
        with _named(job_id):
            opened.workflow_service.StopBatchOperation(request)
        opened.out.line(f"Terminated Batch Job '{job_id}'")


@contextmanager
def _named(job_id: str) -> Iterator[None]:
    """The server speaks of the workflow that runs a batch; people know it by its job ID."""
    try:
        yield
    except ServerRefused as refused:
        if refused.exit_code != ExitCode.NOT_FOUND or "namespace" in refused.message.lower():
            raise
        hint = "`wfctl batch list` shows what there is"
        raise CommandError(f"no batch operation '{job_id}'", hint=hint, exit_code=ExitCode.NOT_FOUND) from refused
