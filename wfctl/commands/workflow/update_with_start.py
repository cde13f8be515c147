"""`workflow start-update-with-start` and `execute-update-with-start`: both, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wfctl.commands._inputs import input_payloads
from wfctl.commands._session import Session, session
from wfctl.commands.workflow._flags import Input, Start
from wfctl.commands.workflow.start import Started, print_started, start_request
from wfctl.commands.workflow.update import (
    Sending,
    Stage,
    failed,
    outcome_of,
    result_of,
    until_accepted,
    update_request,
)
from wfctl.errors import CommandError, UsageMistake

if TYPE_CHECKING:
    from temporalio.api.workflowservice.v1 import (
        UpdateWorkflowExecutionRequest,
        UpdateWorkflowExecutionResponse,
    )


@dataclass(kw_only=True)
class Update:
    """The update that goes with the start."""

    update_name: Annotated[str, typer.Option("--update-name", "--update-type", help="Name of the update handler.")]
    update_id: Annotated[
        str | None, typer.Option("--update-id", help="Update ID; the same one again joins the same update.")
    ] = None
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="Run ID; without it, the open run.")] = None
    update_first_execution_run_id: Annotated[
        str | None,
        typer.Option("--update-first-execution-run-id", help="Only if the chain of runs began with this run ID."),
    ] = None
    update_input: Annotated[
        list[str] | None, typer.Option("--update-input", metavar="JSON", help="Update argument, as JSON; repeatable.")
    ] = None
    update_input_file: Annotated[
        list[str] | None, typer.Option("--update-input-file", help="File that holds an update argument; repeatable.")
    ] = None
    update_input_meta: Annotated[
        list[str] | None,
        typer.Option("--update-input-meta", metavar="KEY=VALUE", help="Metadata of the update arguments; repeatable."),
    ] = None
    update_input_base64: Annotated[
        bool, typer.Option("--update-input-base64", help="The update arguments are written in base64.")
    ] = False


def start_update_with_start(
    ctx: typer.Context,
    update: Update,
    update_wait_for_stage: Annotated[
        Literal["accepted"],
        typer.Option("--update-wait-for-stage", help="Stage to wait for; only `accepted` is possible."),
    ],
    start: Start,
    arguments: Input,
) -> None:
    """Send an update, starting the workflow if it is not open, and wait until the update is accepted or rejected.

        wfctl workflow start-update-with-start --update-name add --update-input 1 --update-wait-for-stage accepted \\
            --workflow-id cart-1 --type Cart --task-queue carts --id-conflict-policy UseExisting
    """
    with session(ctx) as opened:
        sent = _send(opened, update, start, arguments, stage="ACCEPTED")
        if sent.answer.outcome.WhichOneof("value") == "failure":
            raise failed(sent.answer.outcome.failure)
        _print(opened, update, start, sent, {})


def execute_update_with_start(ctx: typer.Context, update: Update, start: Start, arguments: Input) -> None:
    """Send an update, starting the workflow if it is not open, and print the update's result.

        wfctl workflow execute-update-with-start --update-name add --update-input 1 \\
            --workflow-id cart-1 --type Cart --task-queue carts --id-conflict-policy UseExisting
    """
    with session(ctx) as opened:
        sent = _send(opened, update, start, arguments, stage="COMPLETED")
        value = result_of(opened, outcome_of(opened, sent.answer))
        _print(opened, update, start, sent, {"updateResult": value})


@dataclass(frozen=True, slots=True)
class Sent:
    update_id: str
    answer: UpdateWorkflowExecutionResponse


def _send(opened: Session, update: Update, start: Start, arguments: Input, *, stage: Stage) -> Sent:
    from temporalio.api.workflowservice.v1 import ExecuteMultiOperationRequest

    for value, flag in ((start.workflow_id, "--workflow-id"), (start.id_conflict_policy, "--id-conflict-policy")):
        if not value:
            raise UsageMistake(f"missing option '{flag}'", hint="an update-with-start needs it to know which workflow")
    operation = ExecuteMultiOperationRequest.Operation
    update_request = _update_request(opened, update, start, stage)
    request = ExecuteMultiOperationRequest(
        namespace=opened.namespace,
        operations=[
            operation(start_workflow=start_request(opened, start, arguments)),
            operation(update_workflow=update_request),
        ],
    )

    def ask() -> UpdateWorkflowExecutionResponse:
        responses = opened.workflow_service.ExecuteMultiOperation(request).responses
        if len(responses) != 2:
            raise CommandError(f"the server answered {len(responses)} of 2 operations")
        answer: UpdateWorkflowExecutionResponse = responses[1].update_workflow
        return answer

    return Sent(update_request.request.meta.update_id, until_accepted(opened, ask))


def _update_request(opened: Session, update: Update, start: Start, stage: Stage) -> UpdateWorkflowExecutionRequest:
    payloads = input_payloads(
        update.update_input,
        update.update_input_file,
        update.update_input_meta,
        update.update_input_base64,
        prefix="update-",
    )
    sending = Sending(
        workflow_id=start.workflow_id or "",
        name=update.update_name,
        update_id=update.update_id,
        run_id=update.run_id,
        first_execution_run_id=update.update_first_execution_run_id,
    )
    return update_request(opened, sending, payloads, start.headers, stage=stage)


def _print(opened: Session, update: Update, start: Start, sent: Sent, more: dict[str, Any]) -> None:
    execution = sent.answer.update_ref.workflow_execution
    print_started(
        opened,
        start,
        Started(execution.workflow_id or start.workflow_id or "", execution.run_id),
        with_task_queue=False,
        more={"updateName": update.update_name, "updateId": sent.update_id, **more},
    )
