"""What can be done to a run, as a table: what each action asks for, and the request that it makes."""

from __future__ import annotations

import uuid
from typing import Any

from wfctl.tui.feeds.handlers import query, update
from wfctl.tui.feeds.requests import Action, Done, Field, Values, ask, execution, payloads, sends
from wfctl.tui.feeds.resets import reset
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.values import heading, payloads_lines

_STARTED_WITH = (
    "workflow_type", "input", "workflow_execution_timeout", "workflow_run_timeout", "workflow_task_timeout",
    "retry_policy", "memo", "search_attributes", "header", "priority",
)  # fmt: skip
"""What the first event and a request to start have in common, and a person means by "the same"."""


def _by_id(ref: RunRef, values: Values) -> dict[str, Any]:
    return {"workflow_id": ref.workflow_id, "run_id": ref.run_id, "reason": values["reason"]}


def _start_again(source: Source, ref: RunRef, values: Values) -> Done:
    """The first event says what the run was started with."""
    from temporalio.api.taskqueue.v1 import TaskQueue

    answer = ask(source, "GetWorkflowExecutionHistory", execution=execution(ref), maximum_page_size=1)
    started = answer.history.events[0].workflow_execution_started_event_attributes
    set_there = {field.name for field, _ in started.ListFields()}
    return _started(
        source,
        workflow_id=values["id"].strip() or ref.workflow_id,
        task_queue=TaskQueue(name=started.task_queue.name),
        **{name: getattr(started, name) for name in _STARTED_WITH if name in set_there},
    )


def _start(source: Source, namespace: str, values: Values) -> Done:
    from temporalio.api.common.v1 import WorkflowType
    from temporalio.api.taskqueue.v1 import TaskQueue

    return _started(
        source,
        workflow_id=values["id"].strip() or str(uuid.uuid4()),
        workflow_type=WorkflowType(name=values["type"].strip()),
        task_queue=TaskQueue(name=values["queue"].strip()),
        input=payloads(values["input"]),
    )


def _started(source: Source, **fields: Any) -> Done:
    return Done(f"started as run {ask(source, 'StartWorkflowExecution', **fields).run_id}")


def _query(source: Source, ref: RunRef, values: Values) -> Done:
    answer = query(source, ref, values["name"], values["input"])
    return Done(f"query {values['name']} answered", [heading(f"query {values['name']}"), *payloads_lines(answer)])


def _update(source: Source, ref: RunRef, values: Values) -> Done:
    answer = update(source, ref, values["name"], values["input"])
    return Done(f"update {values['name']} done", [heading(f"update {values['name']}"), *payloads_lines(answer)])


_REASON = Field("reason", "Reason")
_INPUT = Field("input", "Input, as JSON")

SIGNAL: Action[RunRef] = Action(
    "s", "Signal", "send it a message", "Send a signal to {id}.",
    sends("SignalWorkflowExecution", "signal {name} sent", lambda ref, values: {
        "workflow_execution": execution(ref), "signal_name": values["name"], "input": payloads(values["input"]),
    }),
    (Field("name", "Signal", needed=True), _INPUT), batchable=True,
)  # fmt: skip
QUERY: Action[RunRef] = Action(
    "Q", "Query", "ask it, through a worker", "Ask {id}; a query changes nothing.", _query,
    (Field("name", "Query", needed=True), _INPUT), of_closed=True, changes=False,
)  # fmt: skip
UPDATE: Action[RunRef] = Action(
    "U", "Update", "change it and wait for its answer", "Send an update to {id} and wait for what it answers.", _update,
    (Field("name", "Update", needed=True), _INPUT),
)  # fmt: skip

RESET: Action[RunRef] = Action(
    "r", "Reset", "run it again from an event on",
    "Run {id} again from an event on; what came after it is left behind, signals and updates are sent again.",
    reset, (Field("event", "Event (a workflow task's end), or first, or last", "last", needed=True), _REASON),
    destructive=True, of_closed=True, batchable=True,
)  # fmt: skip
START: Action[str] = Action(
    "n", "Start", "a new workflow", "Start a workflow in namespace {id}.", _start,
    (
        Field("id", "Workflow id (empty: a new one)"), Field("type", "Type", needed=True),
        Field("queue", "Task queue", needed=True), _INPUT,
    ),
)  # fmt: skip

ACTIONS: tuple[Action[RunRef], ...] = (
    SIGNAL,
    QUERY,
    UPDATE,
    Action(
        "c", "Cancel", "ask it to stop", "Ask {id} to cancel; its code decides how.",
        sends("RequestCancelWorkflowExecution", "cancellation requested", lambda ref, values: {
            "workflow_execution": execution(ref), "reason": values["reason"],
        }),
        (_REASON,), destructive=True, batchable=True,
    ),
    Action(
        "t", "Terminate", "end it at once", "End {id} at once; its code gets no chance to clean up.",
        sends("TerminateWorkflowExecution", "terminated", lambda ref, values: {
            "workflow_execution": execution(ref), "reason": values["reason"],
        }),
        (_REASON,), destructive=True, batchable=True,
    ),
    RESET,
    Action(
        "a", "Start again", "same type, queue and input",
        "Start a workflow with the same type, queue, input, timeouts and attributes as {id}.",
        _start_again, (Field("id", "Workflow id (empty: the same)"),), of_closed=True,
    ),
    Action(
        "p", "Pause", "take no more steps", "Let {id} take no more steps until it is told to go on.",
        sends("PauseWorkflowExecution", "paused", _by_id), (_REASON,), batchable=True,
    ),
    Action(
        "u", "Unpause", "go on", "Let {id} go on.",
        sends("UnpauseWorkflowExecution", "goes on", _by_id), (_REASON,), batchable=True,
    ),
    Action(
        "d", "Delete", "with its history", "Delete {id} with its history. This cannot be undone.",
        sends("DeleteWorkflowExecution", "deleted", lambda ref, values: {"workflow_execution": execution(ref)}),
        destructive=True, must_type="delete", of_closed=True, batchable=True,
    ),
)  # fmt: skip
