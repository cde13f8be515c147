"""What list, count and the old list calls know about one run."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.common.v1 import Memo, SearchAttributes
from temporalio.api.enums.v1 import WorkflowExecutionStatus


@dataclass(frozen=True, slots=True)
class VisibilityRecord:
    """One run's row. Times are nanoseconds since 1970; what only a closed run has is None while it is open.

    The payloads of `search_attributes` carry their type in the metadata, as the server sets it when it accepts them.
    """

    run_key: int
    namespace_id: str
    workflow_id: str
    run_id: str
    workflow_type: str
    status: WorkflowExecutionStatus.ValueType
    start_time: int
    execution_time: int
    task_queue: str
    root_workflow_id: str
    root_run_id: str
    parent_workflow_id: str = ""
    parent_run_id: str = ""
    close_time: int | None = None
    history_length: int | None = None
    history_size_bytes: int | None = None
    state_transition_count: int | None = None
    memo: Memo | None = None
    search_attributes: SearchAttributes | None = None
