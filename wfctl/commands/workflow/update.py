"""`workflow update`: a call into a running workflow that answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wfctl.commands._inputs import header_of
from wfctl.commands._session import Session, session
from wfctl.commands._tree import LazyGroup, Row
from wfctl.commands.workflow._flags import Headers, Input
from wfctl.errors import CommandError

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payloads
    from temporalio.api.update.v1 import Outcome, UpdateRef
    from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse

_HERE = "wfctl.commands.workflow.update"
Stage = Literal["ACCEPTED", "COMPLETED"]

app = LazyGroup(
    {
        "start": Row(f"{_HERE}:start", "Send an update and wait until it is accepted"),
        "execute": Row(f"{_HERE}:execute", "Send an update and wait for its result"),
        "describe": Row(f"{_HERE}:describe", "How far an update has come"),
        "result": Row(f"{_HERE}:result", "Wait for the result of an update that was sent before"),
    },
    help="Send an update to a workflow, or look at one: a call that can change its state and returns a result.",
)


@dataclass(kw_only=True)
class Sending:
    """Which handler of which workflow."""

    workflow_id: Annotated[str, typer.Option("-w", "--workflow-id", help="Workflow ID.")]
    name: Annotated[str, typer.Option("--name", "--type", help="Name of the update handler.")]
    update_id: Annotated[
        str | None, typer.Option("--update-id", help="Update ID; the same one again joins the same update.")
    ] = None
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="Run ID; without it, the open run.")] = None
    first_execution_run_id: Annotated[
        str | None,
        typer.Option("--first-execution-run-id", help="Only if the chain of runs began with this run ID."),
    ] = None


@dataclass(kw_only=True)
class Target:
    """An update that was sent before."""

    workflow_id: Annotated[str, typer.Option("-w", "--workflow-id", help="Workflow ID.")]
    update_id: Annotated[str, typer.Option("--update-id", help="Update ID.")]
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="Run ID; without it, the latest run.")] = None


def start(
    ctx: typer.Context,
    sending: Sending,
    wait_for_stage: Annotated[
        Literal["accepted"], typer.Option("--wait-for-stage", help="Stage to wait for; only `accepted` is possible.")
    ],
    arguments: Input,
    headers: Headers,
) -> None:
    """Send an update and wait until the workflow has accepted or rejected it.

    wfctl workflow update start --workflow-id order-1 --name set_address --wait-for-stage accepted --input '"x"'
    """
    with session(ctx) as opened:
        request = _request(opened, sending, arguments, headers, stage="ACCEPTED")
        answer = send(opened, request)
        if answer.outcome.WhichOneof("value") == "failure":
            raise failed(answer.outcome.failure)
        print_fields(opened, {"name": sending.name, "updateId": request.request.meta.update_id})


def execute(ctx: typer.Context, sending: Sending, arguments: Input, headers: Headers) -> None:
    """Send an update and print its result; with an update ID that is known already, wait for that one.

    wfctl workflow update execute --workflow-id order-1 --name set_address --input '"Main St 1"'
    """
    with session(ctx) as opened:
        request = _request(opened, sending, arguments, headers, stage="COMPLETED")
        update_id = request.request.meta.update_id
        outcome = outcome_of(opened, send(opened, request))
        value = result_of(opened, outcome)
        print_fields(opened, {"name": sending.name, "updateId": update_id, "result": value})


def describe(ctx: typer.Context, target: Target) -> None:
    """Show how far an update has come, and its result if it has one; does not wait."""
    with session(ctx) as opened:
        from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
        from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest

        from wfctl.view.enums import camel

        answer = opened.workflow_service.PollWorkflowExecutionUpdate(
            PollWorkflowExecutionUpdateRequest(
                namespace=opened.namespace, update_ref=_reference(target), identity=opened.client.identity
            )
        )
        stage = UpdateWorkflowExecutionLifecycleStage.Name(answer.stage)
        fields: dict[str, Any] = {"updateId": target.update_id, **_outcome_fields(opened, answer.outcome)}
        fields["stage"] = camel(stage, "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_")
        print_fields(opened, fields)


def result(ctx: typer.Context, target: Target) -> None:
    """Wait for an update to complete and print its result; a failed update is exit code 1."""
    with session(ctx) as opened:
        outcome = poll_outcome(opened, _reference(target))
        print_fields(opened, {"updateId": target.update_id, **_outcome_fields(opened, outcome)})
        if outcome.WhichOneof("value") == "failure":
            raise CommandError("update is failed")


# Shared with update-with-start.


def _request(
    opened: Session, sending: Sending, arguments: Input, headers: Headers, *, stage: Stage
) -> UpdateWorkflowExecutionRequest:
    return update_request(opened, sending, arguments.payloads(), headers.headers, stage=stage)


def update_request(
    opened: Session, sending: Sending, arguments: Payloads | None, headers: list[str] | None, *, stage: Stage
) -> UpdateWorkflowExecutionRequest:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
    from temporalio.api.update.v1 import Input as UpdateInput
    from temporalio.api.update.v1 import Meta, Request, WaitPolicy
    from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest

    wanted = UpdateWorkflowExecutionLifecycleStage.Value(f"UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_{stage}")
    return UpdateWorkflowExecutionRequest(
        namespace=opened.namespace,
        workflow_execution=WorkflowExecution(workflow_id=sending.workflow_id, run_id=sending.run_id or ""),
        first_execution_run_id=sending.first_execution_run_id or "",
        wait_policy=WaitPolicy(lifecycle_stage=wanted),
        request=Request(
            meta=Meta(update_id=sending.update_id or str(uuid.uuid4()), identity=opened.client.identity),
            input=UpdateInput(name=sending.name, args=arguments, header=header_of(headers)),
        ),
    )


def send(opened: Session, request: UpdateWorkflowExecutionRequest) -> UpdateWorkflowExecutionResponse:
    return until_accepted(opened, lambda: opened.workflow_service.UpdateWorkflowExecution(request))


def until_accepted(
    opened: Session, ask: Callable[[], UpdateWorkflowExecutionResponse]
) -> UpdateWorkflowExecutionResponse:
    """A server that holds a call no longer answers with an early stage; the same update is asked for again."""
    from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage

    accepted = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
    while True:
        answer = ask()
        if answer.stage >= accepted or answer.HasField("outcome"):
            return answer
        opened.out.note("still waiting: no worker has taken the update; does one poll the workflow's task queue?")


def outcome_of(opened: Session, answer: UpdateWorkflowExecutionResponse) -> Outcome:
    return answer.outcome if answer.HasField("outcome") else poll_outcome(opened, answer.update_ref)


def poll_outcome(opened: Session, reference: UpdateRef) -> Outcome:
    from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
    from temporalio.api.update.v1 import WaitPolicy
    from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest

    completed = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
    request = PollWorkflowExecutionUpdateRequest(
        namespace=opened.namespace,
        update_ref=reference,
        identity=opened.client.identity,
        wait_policy=WaitPolicy(lifecycle_stage=completed),
    )
    while True:
        answer = opened.workflow_service.PollWorkflowExecutionUpdate(request)
        if answer.HasField("outcome"):
            outcome: Outcome = answer.outcome
            return outcome


def result_of(opened: Session, outcome: Outcome) -> Any:
    """The value of a completed update; a failed one is this command's failure."""
    from wfctl.view.payloads import friendly_json

    if outcome.WhichOneof("value") == "failure":
        raise failed(outcome.failure)
    return friendly_json(outcome.success.payloads, opened.as_json)


def failed(failure: Any) -> CommandError:
    from wfctl.view.failures import failure_text

    return CommandError(f"the update failed: {failure_text(failure, stack_traces=False)}")


def _reference(target: Target) -> UpdateRef:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.update.v1 import UpdateRef

    execution = WorkflowExecution(workflow_id=target.workflow_id, run_id=target.run_id or "")
    return UpdateRef(workflow_execution=execution, update_id=target.update_id)


def _outcome_fields(opened: Session, outcome: Outcome) -> dict[str, Any]:
    from wfctl.view.payloads import friendly_json

    if outcome.WhichOneof("value") == "failure":
        if opened.out.is_json:
            return {"failure": opened.as_json(outcome.failure)}
        from wfctl.view.failures import failure_text

        return {"failure": failure_text(outcome.failure, stack_traces=False)}
    if outcome.WhichOneof("value") == "success":
        return {"result": friendly_json(outcome.success.payloads, opened.as_json)}
    return {}


def print_fields(opened: Session, fields: dict[str, Any]) -> None:
    from wfctl.view.payloads import compact_json

    opened.out.value(fields)
    opened.out.card(
        (_title(name), value if isinstance(value, str) and name != "result" else compact_json(value))
        for name, value in fields.items()
    )


def _title(name: str) -> str:
    return "UpdateID" if name == "updateId" else name[:1].upper() + name[1:]
