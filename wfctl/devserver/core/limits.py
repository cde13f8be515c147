"""Limits of a whole run, kept at the end of every step: its history, and what may wait for a workflow task to end."""

from __future__ import annotations

from temporalio.api.enums.v1 import WorkflowTaskFailedCause

from wfctl.devserver.core.entities import completion, workflow_task
from wfctl.devserver.core.execution import Execution

HISTORY_TOO_LARGE = "Workflow history size exceeds limit."
HISTORY_TOO_LONG = "Workflow history count exceeds limit."


def exceeded(execution: Execution) -> str:
    """Why the run has to end, or nothing. A step that closes the run may go over the limit."""
    if not execution.is_running:
        return ""
    settings, history = execution.settings, execution.history
    if history.size_bytes > settings.history_size_error:
        return HISTORY_TOO_LARGE
    if history.next_event_id - 1 > settings.history_count_error:
        return HISTORY_TOO_LONG
    return ""


def terminate(execution: Execution, reason: str) -> None:
    completion.terminate(execution, reason, None, completion.SERVER)


def relieve(execution: Execution) -> None:
    """Too many events wait for the workflow task to end: fail it, so that they get into history."""
    buffered = execution.buffered
    if not buffered or not execution.is_running or not execution.workflow_task.is_started:
        return
    settings = execution.settings
    too_many = len(buffered) > settings.max_buffered_events
    if too_many or sum(event.ByteSize() for event in buffered) > settings.max_buffered_bytes:
        cause = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
        workflow_task.fail(execution, cause, None, completion.SERVER)
        workflow_task.schedule(execution)
