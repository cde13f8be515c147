"""What can be done to a run, as a table: what each action asks for, and the request that it makes.

An action is always told the run that was selected when its dialog opened, never what is selected when it is confirmed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wfctl.errors import CommandError, UsageMistake
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.run import RunRef

Values = Mapping[str, str]
_UPDATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    label: str
    default: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    key: str
    name: str
    note: str
    what: str
    """A sentence for the dialog; `{id}` is the workflow's."""
    run: Callable[[Source, RunRef, Values], str]
    fields: tuple[Field, ...] = ()
    destructive: bool = False
    of_open: bool = True
    of_closed: bool = False
    batchable: bool = False


def execution(ref: RunRef) -> Any:
    from temporalio.api.common.v1 import WorkflowExecution

    return WorkflowExecution(workflow_id=ref.workflow_id, run_id=ref.run_id)


def payloads(text: str) -> Any:
    """Arguments as people type them: JSON values one after another, or nothing."""
    from temporalio.api.common.v1 import Payload, Payloads

    found = Payloads()
    decoder, at = json.JSONDecoder(), 0
    body = text.strip()
    while at < len(body):
        try:
            _, end = decoder.raw_decode(body, at)
        except ValueError as error:
            raise UsageMistake(
                f"'{body[at:]}' is not JSON: {error}", hint='text is written in quotes: "like this"'
            ) from error
        found.payloads.append(Payload(metadata={"encoding": b"json/plain"}, data=body[at:end].encode()))
        at = end
        while at < len(body) and body[at] in " ,\n\t":
            at += 1
    return found


def _signal(source: Source, ref: RunRef, values: Values) -> str:
    from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest

    source.call(
        "SignalWorkflowExecution",
        SignalWorkflowExecutionRequest(
            namespace=source.namespace,
            workflow_execution=execution(ref),
            signal_name=values["name"],
            input=payloads(values.get("input", "")),
            identity=source.identity,
            request_id=str(uuid.uuid4()),
        ),
    )
    return f"signal {values['name']} sent"


def _cancel(source: Source, ref: RunRef, values: Values) -> str:
    from temporalio.api.workflowservice.v1 import RequestCancelWorkflowExecutionRequest

    source.call(
        "RequestCancelWorkflowExecution",
        RequestCancelWorkflowExecutionRequest(
            namespace=source.namespace,
            workflow_execution=execution(ref),
            identity=source.identity,
            request_id=str(uuid.uuid4()),
            reason=values.get("reason", ""),
        ),
    )
    return "cancellation requested"


def _terminate(source: Source, ref: RunRef, values: Values) -> str:
    from temporalio.api.workflowservice.v1 import TerminateWorkflowExecutionRequest

    source.call(
        "TerminateWorkflowExecution",
        TerminateWorkflowExecutionRequest(
            namespace=source.namespace,
            workflow_execution=execution(ref),
            reason=values.get("reason", ""),
            identity=source.identity,
        ),
    )
    return "terminated"


def _delete(source: Source, ref: RunRef, values: Values) -> str:
    from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

    source.call(
        "DeleteWorkflowExecution",
        DeleteWorkflowExecutionRequest(namespace=source.namespace, workflow_execution=execution(ref)),
    )
    return "deleted"


def _pause(source: Source, ref: RunRef, values: Values) -> str:
    from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest

    source.call(
        "PauseWorkflowExecution",
        PauseWorkflowExecutionRequest(
            namespace=source.namespace,
            workflow_id=ref.workflow_id,
            run_id=ref.run_id,
            identity=source.identity,
            reason=values.get("reason", ""),
            request_id=str(uuid.uuid4()),
        ),
    )
    return "paused"


def _unpause(source: Source, ref: RunRef, values: Values) -> str:
    from temporalio.api.workflowservice.v1 import UnpauseWorkflowExecutionRequest

    source.call(
        "UnpauseWorkflowExecution",
        UnpauseWorkflowExecutionRequest(
            namespace=source.namespace,
            workflow_id=ref.workflow_id,
            run_id=ref.run_id,
            identity=source.identity,
            reason=values.get("reason", ""),
            request_id=str(uuid.uuid4()),
        ),
    )
    return "goes on"


def _reset(source: Source, ref: RunRef, values: Values) -> str:
    from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

    try:
        event_id = int(values["event"])
    except ValueError as error:
        raise UsageMistake(f"'{values['event']}' is not an event id") from error
    response = source.call(
        "ResetWorkflowExecution",
        ResetWorkflowExecutionRequest(
            namespace=source.namespace,
            workflow_execution=execution(ref),
            reason=values.get("reason", ""),
            workflow_task_finish_event_id=event_id,
            request_id=str(uuid.uuid4()),
            identity=source.identity,
        ),
    )
    return f"reset; the new run is {response.run_id}"


def _start_again(source: Source, ref: RunRef, values: Values) -> str:
    """The first event says what the run was started with."""
    from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest, StartWorkflowExecutionRequest

    history = source.call(
        "GetWorkflowExecutionHistory",
        GetWorkflowExecutionHistoryRequest(namespace=source.namespace, execution=execution(ref), maximum_page_size=1),
    )
    started = history.history.events[0].workflow_execution_started_event_attributes
    request = StartWorkflowExecutionRequest(
        namespace=source.namespace,
        workflow_id=values.get("id") or ref.workflow_id,
        workflow_type=started.workflow_type,
        task_queue=started.task_queue,
        input=started.input if started.HasField("input") else None,
        memo=started.memo if started.HasField("memo") else None,
        search_attributes=started.search_attributes if started.HasField("search_attributes") else None,
        header=started.header if started.HasField("header") else None,
        retry_policy=started.retry_policy if started.HasField("retry_policy") else None,
        identity=source.identity,
        request_id=str(uuid.uuid4()),
    )
    request.task_queue.ClearField("kind")
    response = source.call("StartWorkflowExecution", request)
    return f"started as run {response.run_id}"


def start(source: Source, values: Values) -> str:
    from temporalio.api.common.v1 import WorkflowType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

    response = source.call(
        "StartWorkflowExecution",
        StartWorkflowExecutionRequest(
            namespace=source.namespace,
            workflow_id=values.get("id") or str(uuid.uuid4()),
            workflow_type=WorkflowType(name=values["type"]),
            task_queue=TaskQueue(name=values["queue"]),
            input=payloads(values.get("input", "")),
            identity=source.identity,
            request_id=str(uuid.uuid4()),
        ),
    )
    return f"started as run {response.run_id}"


START_FIELDS = (
    Field("id", "Workflow id (empty: a new one)"),
    Field("type", "Type", needed=True),
    Field("queue", "Task queue", needed=True),
    Field("input", "Input, as JSON"),
)

_REASON = Field("reason", "Reason")

ACTIONS: tuple[Action, ...] = (
    Action(
        "s", "Signal", "send it a message", "Send a signal to {id}.", _signal,
        (Field("name", "Signal", needed=True), Field("input", "Input, as JSON")), batchable=True,
    ),
    Action("c", "Cancel", "ask it to stop", "Ask {id} to cancel; its code decides how.", _cancel, (_REASON,), True, batchable=True),
    Action(
        "t", "Terminate", "end it at once", "End {id} at once; its code gets no chance to clean up.", _terminate, (_REASON,), True,
        batchable=True,
    ),
    Action(
        "r", "Reset", "run it again from an event on", "Run {id} again from an event on; what came after it is left behind, signals are sent again.",
        _reset, (Field("event", "Event (a workflow task's end)", needed=True), _REASON), True, of_closed=True,
    ),
    Action(
        "a", "Start again", "same type, queue and input", "Start a workflow with the same type, queue and input as {id}.", _start_again,
        (Field("id", "Workflow id (empty: the same)"),), of_closed=True,
    ),
    Action("p", "Pause", "take no more steps", "Let {id} take no more steps until it is told to go on.", _pause, (_REASON,)),
    Action("u", "Unpause", "go on", "Let {id} go on.", _unpause, (_REASON,)),
    Action(
        "d", "Delete", "with its history", "Delete {id} with its history. This cannot be undone.", _delete, (), True, of_closed=True,
        batchable=True,
    ),
)  # fmt: skip


def query(source: Source, ref: RunRef, name: str, arguments: str = "") -> Any:
    """The result's payloads. Raises CommandError."""
    from temporalio.api.query.v1 import WorkflowQuery
    from temporalio.api.workflowservice.v1 import QueryWorkflowRequest

    request = QueryWorkflowRequest(
        namespace=source.namespace,
        execution=execution(ref),
        query=WorkflowQuery(query_type=name, query_args=payloads(arguments)),
    )
    response = source.call("QueryWorkflow", request, timeout=10)
    if response.HasField("query_rejected"):
        raise CommandError(f"the query was rejected: the workflow is {response.query_rejected.status}")
    return response.query_result


def update(source: Source, ref: RunRef, name: str, arguments: str = "") -> Any:
    """The outcome's payloads. Raises CommandError, also for an update that failed."""
    from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
    from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
    from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest

    from wfctl.view.failures import failure_title, root_cause

    request = UpdateWorkflowExecutionRequest(
        namespace=source.namespace,
        workflow_execution=execution(ref),
        wait_policy=WaitPolicy(
            lifecycle_stage=UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
        ),
        request=Request(
            meta=Meta(update_id=str(uuid.uuid4()), identity=source.identity),
            input=Input(name=name, args=payloads(arguments)),
        ),
    )
    outcome = source.call("UpdateWorkflowExecution", request, timeout=_UPDATE_SECONDS).outcome
    if outcome.WhichOneof("value") == "failure":
        raise CommandError(f"the update failed: {failure_title(root_cause(outcome.failure))}")
    return outcome.success


@dataclass(frozen=True, slots=True)
class Handler:
    kind: str
    name: str
    description: str


def handlers(source: Source, ref: RunRef) -> list[Handler]:
    """What the workflow's code says it can be asked, through a worker."""
    from google.protobuf.json_format import Parse
    from temporalio.api.sdk.v1 import WorkflowMetadata

    result = query(source, ref, "__temporal_workflow_metadata")
    metadata = Parse(result.payloads[0].data, WorkflowMetadata(), ignore_unknown_fields=True)
    definition = metadata.definition
    found: list[Handler] = []
    for kind, group in (
        ("query", definition.query_definitions),
        ("update", definition.update_definitions),
        ("signal", definition.signal_definitions),
    ):
        named = [item for item in group if not item.name.startswith("__")]
        found.extend(Handler(kind, item.name or "(any name)", item.description) for item in named)
    return found


def act_on_activity(source: Source, ref: RunRef, what: str, activity_id: str, values: Values) -> str:
    """Complete, fail, pause, unpause or reset one activity by its id."""
    from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
    from temporalio.api.workflowservice.v1 import (
        PauseActivityRequest,
        ResetActivityRequest,
        RespondActivityTaskCompletedByIdRequest,
        RespondActivityTaskFailedByIdRequest,
        UnpauseActivityRequest,
    )

    by_id: dict[str, Any] = {
        "namespace": source.namespace,
        "workflow_id": ref.workflow_id,
        "run_id": ref.run_id,
        "activity_id": activity_id,
        "identity": source.identity,
    }
    one: dict[str, Any] = {
        "namespace": source.namespace,
        "execution": execution(ref),
        "id": activity_id,
        "identity": source.identity,
    }
    reason = values.get("reason", "")
    failure = Failure(message=reason, source="wfctl", application_failure_info=ApplicationFailureInfo())
    requests: dict[str, Callable[[], Any]] = {
        "complete": lambda: RespondActivityTaskCompletedByIdRequest(**by_id, result=payloads(values.get("result", ""))),
        "fail": lambda: RespondActivityTaskFailedByIdRequest(**by_id, failure=failure),
        "pause": lambda: PauseActivityRequest(**one, reason=reason),
        "unpause": lambda: UnpauseActivityRequest(**one),
        "reset": lambda: ResetActivityRequest(**one),
    }
    methods = {
        "complete": "RespondActivityTaskCompletedById",
        "fail": "RespondActivityTaskFailedById",
        "pause": "PauseActivity",
        "unpause": "UnpauseActivity",
        "reset": "ResetActivity",
    }
    source.call(methods[what], requests[what]())
    return f"activity {activity_id}: {what} done"
