"""Workflow updates: a request to a running workflow that the workflow may refuse, and answers.

Rule. An update id stands for one update in the life of a run: asking again finds the one that is there.

Theory. A request is *admitted* without an event and waits in the unevented half for a workflow task to carry it (one
that would otherwise not be scheduled is speculative). The worker answers with protocol messages: an acceptance and a
response become events, a rejection leaves nothing, so its outcome exists only for those who wait (`UpdateEnded`).
A completed outcome is read back from its event. An update that was accepted and never completed fails when the run
closes; nothing is written for that either.

    state     what happens                                   next
    none      request, or UPDATE_ADMITTED after a reset      admitted
    admitted  a workflow task carries it                     sent
    admitted  acceptance (the server lost its place)         accepted
    admitted  rejection, or the run closes                   ended
    sent      acceptance                                     accepted
    sent      rejection, or ignored by the worker            ended
    sent      the workflow task is refused, the run closes   ended
    accepted  response                                       completed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message
from temporalio.api.command.v1 import ProtocolMessageCommandAttributes
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionUpdateAcceptedEventAttributes,
    WorkflowExecutionUpdateAdmittedEventAttributes,
    WorkflowExecutionUpdateCompletedEventAttributes,
)
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.update.v1 import Acceptance, Outcome, Rejection, Request, Response

from wfctl.devserver.core.effects import NewRun, UpdateEnded
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import (
    BadCommand,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    ServiceError,
    WorkflowNotReady,
)

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext
    from wfctl.devserver.settings import Settings

PROTOCOL = "temporal.api.update.v1"
BAD_MESSAGE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE
# A run whose workflow task fails so often gets no new updates: they could not repair it.
FAILING_ATTEMPTS = 3


class State(IntEnum):
    """Names as a client may see them in an error."""

    Admitted = 1
    Sent = 2
    Accepted = 3
    Completed = 4


# Which message a worker may send about an update in which state.
ALLOWED: dict[type[Message], frozenset[State]] = {
    Acceptance: frozenset((State.Admitted, State.Sent)),
    Rejection: frozenset((State.Admitted, State.Sent)),
    Response: frozenset((State.Accepted,)),
}


def _failure(kind: str, message: str) -> Failure:
    return Failure(
        message=message,
        source="Server",
        application_failure_info=ApplicationFailureInfo(type=kind, non_retryable=True),
    )


UNPROCESSED = _failure(
    "UnprocessedUpdate",
    "Workflow Update is rejected because it wasn't processed by worker. "
    "Probably, Workflow Update is not supported by the worker.",
)
LEFT_UNFINISHED = _failure(
    "AcceptedUpdateCompletedWorkflow",
    "Workflow Update failed because the Workflow completed before the Update completed.",
)


def aborted_by_closing() -> ServiceError:
    return NotFound("workflow update was aborted by closing workflow")


def aborted_by_task_failure() -> ServiceError:
    return WorkflowNotReady("Unable to perform workflow execution update due to unexpected workflow task failure.")


@dataclass(slots=True)
class Update:
    """An update in flight. `request` is kept until a history event has it."""

    id: str
    state: State
    request: Request | None = None
    accepted_event_id: int = 0

    @property
    def is_waiting_for_worker(self) -> bool:
        return self.state in (State.Admitted, State.Sent)


@dataclass(slots=True)
class Updates:
    """The run's updates: those in flight in the order of their admission, and where the outcomes of others are."""

    in_flight: dict[str, Update] = field(default_factory=dict)
    completed_event_ids: dict[str, int] = field(default_factory=dict)

    def is_known(self, update_id: str) -> bool:
        return update_id in self.in_flight or update_id in self.completed_event_ids

    def state(self, update_id: str) -> State | None:
        if update_id in self.completed_event_ids:
            return State.Completed
        update = self.in_flight.get(update_id)
        return update.state if update else None

    def has_unsent(self) -> bool:
        """Whether a workflow task would have updates to carry."""
        return any(update.is_waiting_for_worker for update in self.in_flight.values())

    def total(self) -> int:
        return len(self.in_flight) + len(self.completed_event_ids)

    def are_too_many(self, settings: Settings) -> bool:
        """Whether it is time for the workflow to continue as new."""
        return self.total() >= settings.total_updates_suggest_continue_as_new

    def waiting_for_worker(self) -> list[Update]:
        return [update for update in self.in_flight.values() if update.is_waiting_for_worker]

    def abandon(self, *, next_run: bool) -> list[UpdateEnded]:
        """The run closed: what is not accepted will never be. What is accepted fails by itself, see `outcome`.

        `next_run`: clients are to try again, and will meet the run that follows.
        """
        error = workflow_task.closing() if next_run else aborted_by_closing()
        given_up = self.waiting_for_worker()
        for update in given_up:
            del self.in_flight[update.id]
        return [UpdateEnded(update.id, error=error) for update in given_up]

    def pack(self) -> list[list[Any]]:
        """What no event tells: the requests that wait for a worker."""
        return [
            [update.id, int(update.state), update.request.SerializeToString() if update.request else None]
            for update in self.waiting_for_worker()
        ]

    def unpack(self, packed: Iterable[list[Any]]) -> None:
        for update in self.waiting_for_worker():
            del self.in_flight[update.id]
        for update_id, state, request in packed:
            parsed = Request.FromString(request) if request is not None else None
            self.in_flight[update_id] = Update(update_id, State(state), parsed)


# -- from outside ---------------------------------------------------------------------------------------------------


def admit(execution: Execution, request: Request) -> None:
    """A client asks for an update; the next workflow task will carry it. Asking twice changes nothing."""
    updates = execution.updates
    if updates.is_known(request.meta.update_id):
        return
    _check_in_flight(updates, request, execution.settings)
    _check_total(updates, execution.settings)
    updates.in_flight[request.meta.update_id] = Update(request.meta.update_id, State.Admitted, request)
    if not execution.workflow_task.is_pending:
        workflow_task.schedule(execution, kind=workflow_task.Kind.SPECULATIVE)


def check_admissible(execution: Execution) -> None:
    """Raises NotFound for a closed run, WorkflowNotReady for one that cannot get on."""
    if not execution.is_running:
        raise NotFound("workflow execution already completed")
    if execution.workflow_task.attempt >= FAILING_ATTEMPTS:
        raise WorkflowNotReady(
            "Unable to perform workflow execution update due to Workflow Task in failed state.",
        )
    workflow_task.check_not_closing(execution)


def _check_in_flight(updates: Updates, request: Request, settings: Settings) -> None:
    most, most_bytes = settings.max_in_flight_updates, settings.max_in_flight_update_bytes
    if len(updates.in_flight) >= most:
        raise _too_many(f"limit on number of concurrent in-flight updates has been reached ({most})")
    size = sum(update.request.ByteSize() for update in updates.in_flight.values() if update.request)
    if size + request.ByteSize() >= most_bytes:
        raise _too_many(f"limit on total payload size of in-flight updates has been reached ({most_bytes} bytes)")


def _too_many(message: str) -> ServiceError:
    return ResourceExhausted(
        message,
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
        ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
    )


def _check_total(updates: Updates, settings: Settings) -> None:
    if updates.total() >= settings.max_total_updates:
        raise FailedPrecondition(
            "The limit on the total number of distinct updates in this workflow has been reached "
            f"({settings.max_total_updates}). Make sure any duplicate updates share an Update ID so the server can "
            "deduplicate them, and consider rejecting updates that you aren't going to process. You can also "
            "Continue-as-New to avoid this; we recommend you check Continue-as-New Suggested in your Workflow."
        )


def outcome(execution: Execution, update_id: str) -> Outcome | None:
    """How the update ended, if it did and an event or the end of the run tells."""
    updates = execution.updates
    if event_id := updates.completed_event_ids.get(update_id):
        return execution.history.event(event_id).workflow_execution_update_completed_event_attributes.outcome
    if not execution.is_running and updates.state(update_id) is State.Accepted:
        return Outcome(failure=LEFT_UNFINISHED)
    return None


# -- with a workflow task -------------------------------------------------------------------------------------------


def send(execution: Execution, *, resend: bool) -> list[ProtocolMessage]:
    """The messages of the workflow task that was just started.

    `resend`: with the updates that an earlier task carried in vain. A request that is in an UPDATE_ADMITTED event needs
    no message.
    """
    messages = []
    for update in execution.updates.waiting_for_worker():
        if update.state is State.Sent and not resend:
            continue
        update.state = State.Sent
        if update.request is not None:
            message = ProtocolMessage(
                id=_request_message_id(update.id),
                protocol_instance_id=update.id,
                event_id=execution.workflow_task.started_event_id - 1,
            )
            message.body.Pack(update.request)
            messages.append(message)
    return messages


def _request_message_id(update_id: str) -> str:
    return f"{update_id}/request"


def finish_task(context: CommandContext, force_new_task: bool) -> None:
    """The task is over: updates that it carried and that the worker ignored are rejected."""
    execution = context.execution
    if not execution.is_running:
        next_run = any(isinstance(effect, NewRun) for effect in execution.effects)
        for ended in execution.updates.abandon(next_run=next_run):
            execution.emit(ended)
    elif not force_new_task:
        for update in execution.updates.waiting_for_worker():
            if update.state is State.Sent:
                _end(execution, update, UpdateEnded(update.id, failure=UNPROCESSED))


def abort_sent(execution: Execution) -> None:
    """What the worker answered was refused: the updates it has seen fail, the others wait for the next task."""
    for update in execution.updates.waiting_for_worker():
        if update.state is State.Sent:
            _end(execution, update, UpdateEnded(update.id, error=aborted_by_task_failure()))


def _end(execution: Execution, update: Update, ended: UpdateEnded) -> None:
    del execution.updates.in_flight[update.id]
    execution.emit(ended)


# -- the worker's messages ------------------------------------------------------------------------------------------


def on_protocol_message(context: CommandContext, command: ProtocolMessageCommandAttributes) -> None:
    """The command says when, among the other commands, its message takes effect."""
    if not command.message_id:
        raise BadCommand(BAD_MESSAGE, "MessageID is not set on ProtocolMessageCommand.")
    message = context.messages.pop(command.message_id, None)
    if message is None:
        raise BadCommand(BAD_MESSAGE, f"ProtocolMessageCommand referenced absent message ID {command.message_id}")
    _handle(context, message)


def handle_remaining_messages(context: CommandContext) -> None:
    """Messages without a command (rejections, above all) come after all commands."""
    while context.messages:
        _handle(context, context.messages.pop(next(iter(context.messages))))


def _handle(context: CommandContext, message: ProtocolMessage) -> None:
    execution = context.execution
    body = _body(execution, message)
    if not execution.is_running and not isinstance(body, Rejection):
        given_up = execution.updates.in_flight.get(message.protocol_instance_id)
        if given_up is not None and given_up.is_waiting_for_worker:
            _end(execution, given_up, UpdateEnded(given_up.id, error=aborted_by_closing()))
        return
    update = _find(execution, message, body)
    if update.state not in ALLOWED[type(body)]:
        raise BadCommand(
            BAD_MESSAGE,
            f"invalid state transition attempted for Update {update.id}: "
            f"received *update.{type(body).DESCRIPTOR.name} message while in state {_state_name(context, update)}",
        )
    if isinstance(body, Acceptance):
        _accept(execution, update, body)
    elif isinstance(body, Rejection):
        _end(execution, update, UpdateEnded(update.id, failure=body.failure))
    elif isinstance(body, Response):
        _complete(execution, update, body)


def _state_name(context: CommandContext, update: Update) -> str:
    """As the real server calls it: what this very task brought about is provisional."""
    event_id = context.execution.updates.completed_event_ids.get(update.id, update.accepted_event_id)
    return f"Provisionally{update.state.name}" if event_id > context.completed_event_id else update.state.name


def _body(execution: Execution, message: ProtocolMessage) -> Acceptance | Rejection | Response:
    if not message.HasField("body"):
        raise InvalidArgument("nil message body")
    name = message.body.TypeName()
    protocol, _, kind = name.rpartition(".")
    if message.body.ByteSize() > execution.settings.blob_size_error:
        raise BadCommand(BAD_MESSAGE, f"Message type {name} exceeds size limit.", terminates=True)
    if protocol != PROTOCOL:
        raise BadCommand(BAD_MESSAGE, f"unsupported protocol type {protocol}")
    bodies: dict[str, type[Acceptance | Rejection | Response]] = {
        "Acceptance": Acceptance,
        "Rejection": Rejection,
        "Response": Response,
    }
    body = bodies.get(kind)
    if body is None:
        raise BadCommand(BAD_MESSAGE, f"Message type *update.{kind} not supported")
    unpacked = body()
    try:
        message.body.Unpack(unpacked)
    except DecodeError as error:
        raise BadCommand(BAD_MESSAGE, f"unable to unmarshal request: {error}") from None
    return unpacked


def _find(execution: Execution, message: ProtocolMessage, body: Acceptance | Rejection | Response) -> Update:
    """The message's update; one that the server has lost comes back with the request that the message repeats."""
    update_id = message.protocol_instance_id
    updates = execution.updates
    if update := updates.in_flight.get(update_id):
        return update
    if update_id in updates.completed_event_ids:
        return Update(update_id, State.Completed)
    request = None
    if isinstance(body, Acceptance) and body.HasField("accepted_request"):
        request = body.accepted_request
    elif isinstance(body, Rejection) and body.HasField("rejected_request"):
        request = body.rejected_request
    if request is None:
        raise BadCommand(
            BAD_MESSAGE,
            f"update {update_id} wasn't found on the server. "
            "This is most likely a transient error which will be resolved automatically by retries",
        )
    _check_total(updates, execution.settings)
    updates.in_flight[update_id] = Update(update_id, State.Admitted, request)
    return updates.in_flight[update_id]


def _accept(execution: Execution, update: Update, acceptance: Acceptance) -> None:
    for name in ("accepted_request_sequencing_event_id", "accepted_request_message_id"):
        if not getattr(acceptance, name):
            raise BadCommand(BAD_MESSAGE, f"invalid *update.Acceptance: {name} is not set")
    execution.record(
        WorkflowExecutionUpdateAcceptedEventAttributes(
            protocol_instance_id=update.id,
            accepted_request_message_id=_request_message_id(update.id),
            accepted_request_sequencing_event_id=acceptance.accepted_request_sequencing_event_id,
            accepted_request=update.request,
        )
    )


def _complete(execution: Execution, update: Update, response: Response) -> None:
    for name, present in (
        ("meta", response.HasField("meta")),
        ("meta.update_id", bool(response.meta.update_id)),
        ("outcome", response.HasField("outcome")),
    ):
        if not present:
            raise BadCommand(BAD_MESSAGE, f"invalid *update.Response: {name} is not set")
    if response.meta.update_id != update.id:
        raise BadCommand(BAD_MESSAGE, f"invalid *update.Response: meta.update_id != {update.id}")
    execution.record(
        WorkflowExecutionUpdateCompletedEventAttributes(
            meta=response.meta, outcome=response.outcome, accepted_event_id=update.accepted_event_id
        )
    )


# -- events ---------------------------------------------------------------------------------------------------------


def apply_workflow_execution_update_admitted(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionUpdateAdmittedEventAttributes
) -> None:
    update_id = attributes.request.meta.update_id
    execution.updates.in_flight[update_id] = Update(update_id, State.Admitted)


def apply_workflow_execution_update_accepted(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionUpdateAcceptedEventAttributes
) -> None:
    update_id = attributes.protocol_instance_id
    execution.updates.in_flight[update_id] = Update(update_id, State.Accepted, accepted_event_id=event.event_id)


def apply_workflow_execution_update_completed(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionUpdateCompletedEventAttributes
) -> None:
    execution.updates.in_flight.pop(attributes.meta.update_id, None)
    execution.updates.completed_event_ids[attributes.meta.update_id] = event.event_id
