"""`workflow signal`, `query`, `stack` and `metadata`: talking to a running workflow."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._inputs import header_of
from wfctl.commands._session import Session, session
from wfctl.commands.workflow._batch import batch_request, single_execution, start_batch
from wfctl.commands.workflow._flags import Headers, Input, QueryModifiers, Reference, SingleOrBatch
from wfctl.errors import CommandError

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payloads
    from temporalio.api.workflowservice.v1 import QueryWorkflowResponse

STACK_QUERY = "__stack_trace"
METADATA_QUERY = "__temporal_workflow_metadata"


def signal(
    ctx: typer.Context,
    which: SingleOrBatch,
    name: Annotated[str, typer.Option("--name", "--type", help="Signal name.")],
    arguments: Input,
    headers: Headers,
) -> None:
    """Send a signal to a workflow, or to every workflow that matches a query.

    wfctl workflow signal --workflow-id order-1 --name approve --input '{"by": "alex"}'
    """
    execution = single_execution(which)
    with session(ctx) as opened:
        payloads = arguments.payloads()
        if execution is None:
            from temporalio.api.batch.v1 import BatchOperationSignal

            request = batch_request(opened, which)
            request.signal_operation.CopyFrom(
                BatchOperationSignal(
                    signal=name,
                    input=payloads,
                    header=header_of(headers.headers),
                    identity=opened.client.identity,
                )
            )
            start_batch(opened, request)
            return
        from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest

        opened.workflow_service.SignalWorkflowExecution(
            SignalWorkflowExecutionRequest(
                namespace=opened.namespace,
                workflow_execution=execution,
                signal_name=name,
                input=payloads,
                header=header_of(headers.headers),
                identity=opened.client.identity,
                request_id=str(uuid.uuid4()),
            )
        )
        opened.out.line("Signal workflow succeeded")


def query(
    ctx: typer.Context,
    reference: Reference,
    name: Annotated[str, typer.Option("--name", "--type", help="Query name.")],
    arguments: Input,
    modifiers: QueryModifiers,
) -> None:
    """Ask a workflow, open or closed, for its state; a worker must be running to answer.

    wfctl workflow query --workflow-id order-1 --name status
    """
    with session(ctx) as opened:
        answer = _ask(opened, reference, name, modifiers, arguments.payloads())
        opened.message(answer)
        opened.out.heading("Query result:")
        opened.out.card([("QueryResult", _result_text(opened, answer))])


def stack(ctx: typer.Context, reference: Reference, modifiers: QueryModifiers) -> None:
    """Show where a workflow's code is waiting; a worker must be running to answer."""
    with session(ctx) as opened:
        answer = _ask(opened, reference, STACK_QUERY, modifiers, None)
        opened.message(answer)
        opened.out.line(_string_result(answer).rstrip() or "the workflow's code waits for nothing")


def metadata(ctx: typer.Context, reference: Reference, modifiers: QueryModifiers) -> None:
    """Show the handlers and details that a workflow declares; a worker must be running to answer."""
    with session(ctx) as opened:
        answer = _ask(opened, reference, METADATA_QUERY, modifiers, None)
        opened.message(answer)
        if opened.out.is_text:
            _print_metadata(opened, answer)


def _ask(
    opened: Session, reference: Reference, name: str, modifiers: QueryModifiers, arguments: Payloads | None
) -> QueryWorkflowResponse:
    from temporalio.api.enums.v1 import QueryRejectCondition
    from temporalio.api.query.v1 import WorkflowQuery
    from temporalio.api.workflowservice.v1 import QueryWorkflowRequest

    from wfctl.view.enums import workflow_status

    condition = (modifiers.reject_condition or "none").upper()
    answer: QueryWorkflowResponse = opened.workflow_service.QueryWorkflow(
        QueryWorkflowRequest(
            namespace=opened.namespace,
            execution=reference.execution(),
            query=WorkflowQuery(query_type=name, query_args=arguments, header=header_of(modifiers.headers)),
            query_reject_condition=QueryRejectCondition.Value(f"QUERY_REJECT_CONDITION_{condition}"),
        )
    )
    if answer.HasField("query_rejected"):
        status = workflow_status(answer.query_rejected.status)
        raise CommandError(
            f"query was rejected, workflow has status: {status}", hint="drop --reject-condition to ask anyway"
        )
    return answer


def _result_text(opened: Session, answer: QueryWorkflowResponse) -> str:
    from wfctl.view.payloads import compact_json, friendly_json

    return compact_json(friendly_json(answer.query_result.payloads, opened.as_json))


def _string_result(answer: QueryWorkflowResponse) -> str:
    from wfctl.view.payloads import summary_text

    return "\n".join(summary_text(payload) for payload in answer.query_result.payloads)


def _print_metadata(opened: Session, answer: QueryWorkflowResponse) -> None:
    out = opened.out
    declared: dict[str, Any] = _metadata_of(answer)
    out.heading("Metadata:")
    for key, title in (
        ("queryDefinitions", "Query Definitions:"),
        ("signalDefinitions", "Signal Definitions:"),
        ("updateDefinitions", "Update Definitions:"),
    ):
        definitions = declared.get("definition", {}).get(key, [])
        if definitions:
            out.heading(f"  {title}")
            out.card(((one.get("name") or "(any other)", one.get("description", "")) for one in definitions), indent=2)
    if declared.get("currentDetails"):
        out.heading("  Current Details:")
        out.line(f"    {declared['currentDetails']}")


def _metadata_of(answer: QueryWorkflowResponse) -> dict[str, Any]:
    try:
        value = json.loads(answer.query_result.payloads[0].data)
    except (IndexError, ValueError) as error:
        raise CommandError("the workflow's answer is not workflow metadata") from error
    return value if isinstance(value, dict) else {}
