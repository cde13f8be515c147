"""Workflow updates: admitted, sent with a workflow task, accepted or rejected, completed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import ProtocolMessageCommandAttributes
from temporalio.api.history.v1 import HistoryEvent

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


@dataclass(slots=True)
class Updates:
    """The run's updates by id."""

    by_id: dict[str, Any] = field(default_factory=dict)

    def has_unsent(self) -> bool:
        return False


def finish_task(context: CommandContext, scheduled_event_id: int, force_new_task: bool) -> None:
    """The task is over: updates that it carried and that the worker ignored are rejected."""


def on_protocol_message(context: CommandContext, command: ProtocolMessageCommandAttributes) -> None:
    raise NotImplementedError


def apply_workflow_execution_update_admitted(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    raise NotImplementedError


def apply_workflow_execution_update_accepted(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    raise NotImplementedError


def apply_workflow_execution_update_completed(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    raise NotImplementedError
