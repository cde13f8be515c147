"""Completing a workflow task: the worker's commands, in order, become events.

Rule. Either every command of a completion takes effect, or none does and the workflow task fails. A refused command
raises `BadCommand`; the caller then takes the run back to before the completion and fails the task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import CommandType, TimeoutType, WorkflowTaskFailedCause
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from wfctl.devserver.core import registry
from wfctl.devserver.core.entities import update, workflow_task
from wfctl.devserver.core.entities.activity import Activity
from wfctl.devserver.core.errors import BadCommand, InvalidArgument
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.core.payloads import merge
from wfctl.devserver.core.validation import refusing
from wfctl.devserver.core.visibility import validation

Cause = WorkflowTaskFailedCause


@dataclass(slots=True)
class CommandContext:
    """What a command handler may know and leave behind."""

    execution: Execution
    completed_event_id: int
    identity: str
    namespace: Namespace
    messages: dict[str, ProtocolMessage]
    extras: dict[str, Any] = field(default_factory=dict)  # of the command at hand: its user metadata
    eager_activities: list[Activity] = field(default_factory=list)
    force_new_task: bool = False
    started_children: set[str] = field(default_factory=set)  # workflow ids of children of this very task
    had_buffered: bool = False  # news came in while the worker decided: the run must not close over it

    def check_search_attributes(
        self,
        search_attributes: SearchAttributes,
        too_large: WorkflowTaskFailedCause.ValueType = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES,
        *,
        already: SearchAttributes | None = None,
        namespace: Namespace | None = None,
        describe: Callable[[str], str] = str,
    ) -> None:
        """Attributes that may not be set like this fail the workflow task; too large ones (with those that the run
        has `already`) end the workflow."""
        settings, namespace = self.execution.settings, namespace or self.namespace
        with refusing(Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES):
            validation.check_names(search_attributes, namespace.name, namespace.search_attributes)
        with refusing(Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES, describe=describe):
            validation.check_values(search_attributes, namespace.search_attributes, settings)
        if already is not None:
            merged = SearchAttributes()
            merged.CopyFrom(already)
            merge(merged.indexed_fields, search_attributes.indexed_fields)
            search_attributes = merged
        with refusing(too_large, terminates=True):
            validation.check_size(search_attributes, settings)


@dataclass(slots=True)
class Completed:
    """What a completed workflow task left to do for its caller."""

    eager_activities: list[Activity]
    new_task: bool  # a new workflow task waits, and was not dispatched: the caller hands it to the worker
    left_no_trace: bool = False  # a speculative task was dropped: the worker has to forget its events too
    heartbeat_timed_out: bool = False


def complete_workflow_task(
    execution: Execution,
    request: RespondWorkflowTaskCompletedRequest,
    namespace: Namespace,
) -> Completed:
    """Raises BadCommand (the task fails) or InvalidArgument (nothing happened), with a state that must be given up."""
    heartbeat = request.force_create_new_workflow_task and not request.commands and not request.messages
    original_scheduled_time = execution.workflow_task.original_scheduled_time
    timed_out = heartbeat and _heartbeats_too_long(execution)
    execution.buffering = True
    try:
        if timed_out:
            workflow_task.time_out(execution, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)
            execution.sticky = None
            completed_event_id = 0
        else:
            completed_event_id = workflow_task.complete(execution, request)
            _set_sticky(execution, request)
        context = CommandContext(
            execution,
            completed_event_id,
            request.identity,
            namespace,
            {message.id: message for message in request.messages},
            had_buffered=bool(execution.buffered),
        )
        _handle_commands(context, request)
        update.handle_remaining_messages(context)
    finally:
        execution.buffering = False
    update.finish_task(context, request.force_create_new_workflow_task)
    new_task = _schedule_next(
        context,
        force=request.force_create_new_workflow_task,
        dispatch=timed_out or not request.return_new_workflow_task,
        original_scheduled_time=original_scheduled_time if heartbeat and not timed_out else None,
    )
    return Completed(
        context.eager_activities,
        new_task,
        left_no_trace=completed_event_id == 0 and not timed_out,
        heartbeat_timed_out=timed_out,
    )


def _heartbeats_too_long(execution: Execution) -> bool:
    """Empty completions that only ask for another task are allowed for so long."""
    since = execution.workflow_task.original_scheduled_time
    limit = execution.settings.workflow_task_heartbeat_seconds
    return since is not None and (execution.now - since).total_seconds() > limit


def _set_sticky(execution: Execution, request: RespondWorkflowTaskCompletedRequest) -> None:
    name = request.sticky_attributes.worker_task_queue.name
    if not name:
        execution.sticky = None
        return
    timeout = request.sticky_attributes.schedule_to_start_timeout.ToTimedelta().total_seconds()
    execution.sticky = workflow_task.Sticky(name, timeout or execution.settings.sticky_schedule_to_start_seconds)


def _handle_commands(context: CommandContext, request: RespondWorkflowTaskCompletedRequest) -> None:
    _check_sequence(request.commands)
    execution = context.execution
    for command in request.commands:
        row = registry.COMMANDS[command.command_type]
        if row.closes and context.had_buffered:
            raise BadCommand(Cause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND, "")
        if not command.HasField(row.field):  # type: ignore[arg-type]
            name = type(getattr(command, row.field)).DESCRIPTOR.name
            raise BadCommand(row.cause, f"{name} is not set on {name.removesuffix('Attributes')}.")
        context.extras = {"user_metadata": command.user_metadata} if command.HasField("user_metadata") else {}
        row.handle(context, getattr(command, row.field))
        if not execution.is_running:
            return


def _check_sequence(commands: Sequence[Command]) -> None:
    """Nothing follows a command that closes the run. What is wrong here leaves no trace in history."""
    closing: Command | None = None
    for command in commands:
        if closing is not None:
            names = ", ".join(_name(each) for each in commands)
            raise InvalidArgument(
                f"invalid command sequence: [{names}], command {_name(closing)} must be the last command."
            )
        row = registry.COMMANDS.get(command.command_type)
        if row is None:
            raise InvalidArgument(f"unknown command type: {_name(command)}")
        if row.closes:
            closing = command


def _name(command: Command) -> str:
    """A command type as messages spell it: StartTimer."""
    if command.command_type not in CommandType.values():
        return str(command.command_type)
    words = CommandType.Name(command.command_type).removeprefix("COMMAND_TYPE_")
    return "".join(word.capitalize() for word in words.split("_"))


def _schedule_next(
    context: CommandContext, *, force: bool, dispatch: bool, original_scheduled_time: datetime | None
) -> bool:
    """Whether a new task was scheduled that the caller has to hand out itself."""
    execution = context.execution
    if not execution.is_running:
        execution.flush()
        return False
    if force or context.force_new_task or execution.buffered:
        kind = workflow_task.Kind.NORMAL
    elif execution.updates.has_unsent():
        # Without a caller that takes the task at once it has to survive on its own.
        kind = workflow_task.Kind.NORMAL if dispatch else workflow_task.Kind.SPECULATIVE
    else:
        return False
    workflow_task.schedule(execution, kind=kind, original_scheduled_time=original_scheduled_time, dispatch=dispatch)
    return not dispatch
