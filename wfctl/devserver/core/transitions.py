"""Completing a workflow task: the worker's commands, in order, become events.

Rule. Either every command of a completion takes effect, or none does and the workflow task fails. A refused command
raises `BadCommand`; the caller then takes the run back to before the completion and fails the task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import TimeoutType, WorkflowTaskFailedCause
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from wfctl.devserver.core import registry
from wfctl.devserver.core.entities import update, workflow_task
from wfctl.devserver.core.entities.activity import Activity
from wfctl.devserver.core.errors import BadCommand, InvalidArgument
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.settings import Settings

Cause = WorkflowTaskFailedCause


class SearchAttributeTypes(Protocol):
    """The namespace's search attributes."""

    def check_search_attributes(self, search_attributes: SearchAttributes, settings: Settings) -> None:
        """Raise `InvalidArgument` for one that a client may not set like this."""

    def type_payloads(self, attributes: SearchAttributes) -> None:
        """Write each attribute's type into its payload's metadata."""


@dataclass(slots=True)
class CommandContext:
    """What a command handler may know and leave behind."""

    execution: Execution
    completed_event_id: int
    identity: str
    search_attributes: SearchAttributeTypes
    accepts_eager: Callable[[str], bool]
    messages: dict[str, ProtocolMessage]
    extras: dict[str, Any] = field(default_factory=dict)  # of the command at hand: its user metadata
    eager_activities: list[Activity] = field(default_factory=list)
    force_new_task: bool = False

    def check_search_attributes(self, search_attributes: SearchAttributes) -> None:
        """A command whose search attributes may not be set like this fails its workflow task."""
        try:
            self.search_attributes.check_search_attributes(search_attributes, self.execution.settings)
        except InvalidArgument as error:
            raise BadCommand(Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES, error.message) from None


@dataclass(slots=True)
class Completed:
    """What a completed workflow task left to do for its caller."""

    eager_activities: list[Activity]
    new_task: bool  # a new workflow task waits, and was not dispatched: the caller hands it to the worker


def complete_workflow_task(
    execution: Execution,
    request: RespondWorkflowTaskCompletedRequest,
    search_attributes: SearchAttributeTypes,
    accepts_eager: Callable[[str], bool],
) -> Completed:
    """Raises BadCommand, with the run in a state that must be given up."""
    heartbeat = request.force_create_new_workflow_task and not request.commands and not request.messages
    original_scheduled_time = execution.workflow_task.original_scheduled_time
    task_scheduled_event_id = execution.workflow_task.scheduled_event_id
    execution.buffering = True
    try:
        if heartbeat and _heartbeats_too_long(execution):
            workflow_task.time_out(execution, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)
            execution.sticky = None
            heartbeat, completed_event_id = False, 0
        else:
            completed_event_id = workflow_task.complete(execution, request)
            _set_sticky(execution, request)
        context = CommandContext(
            execution,
            completed_event_id,
            request.identity,
            search_attributes,
            accepts_eager,
            {message.id: message for message in request.messages},
        )
        _handle_commands(context, request)
    finally:
        execution.buffering = False
    update.finish_task(context, task_scheduled_event_id, request.force_create_new_workflow_task)
    new_task = _schedule_next(
        context,
        force=request.force_create_new_workflow_task,
        dispatch=not request.return_new_workflow_task,
        original_scheduled_time=original_scheduled_time if heartbeat else None,
    )
    return Completed(context.eager_activities, new_task)


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
    execution = context.execution
    for command in request.commands:
        row = registry.COMMANDS.get(command.command_type)
        if row is None:
            raise BadCommand(
                Cause.WORKFLOW_TASK_FAILED_CAUSE_UNSPECIFIED,
                f"Unknown command type: {command.command_type}",
                writes_event=False,
            )
        if row.closes and execution.buffered:
            raise BadCommand(Cause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND, "UnhandledCommand")
        context.extras = {"user_metadata": command.user_metadata} if command.HasField("user_metadata") else {}
        row.handle(context, getattr(command, row.field))
        if not execution.is_running:
            return


def _schedule_next(context: CommandContext, *, force: bool, dispatch: bool, original_scheduled_time: Any) -> bool:
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
