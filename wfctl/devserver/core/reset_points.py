"""Reset points: where each worker build completed its first workflow task of a run.

If a build proves bad, the workflow can be taken back to the point before it. Reset points are handed on from run to run;
the runs that they lie in expire with the namespace's retention.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import WorkflowTaskCompletedEventAttributes
from temporalio.api.workflow.v1 import ResetPointInfo

from wfctl.devserver.core.effects import VisibilityChanged
from wfctl.devserver.core.namespace import SHOWN_RETENTION_SECONDS

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution

MAX_RESET_POINTS = 20


def note_completed_task(
    execution: Execution, completed_event_id: int, attributes: WorkflowTaskCompletedEventAttributes
) -> None:
    """A worker completed a workflow task: the first one by its build is a reset point."""
    points = execution.reset_points
    binary_checksum, build_id = attributes.binary_checksum, attributes.worker_version.build_id
    if any(point.binary_checksum == binary_checksum and point.build_id == build_id for point in points):
        return
    point = ResetPointInfo(
        binary_checksum=binary_checksum,
        build_id=build_id,
        run_id=execution.run_id,
        first_workflow_task_completed_id=completed_event_id,
        resettable=not (execution.children or execution.external_signals or execution.external_cancels),
    )
    point.create_time.FromDatetime(execution.now)
    execution.reset_points = [*points, point][-MAX_RESET_POINTS:]
    if binary_checksum:
        checksums = [point.binary_checksum for point in execution.reset_points if point.binary_checksum]
        payload = Payload(metadata={"encoding": b"json/plain", "type": b"KeywordList"})
        payload.data = json.dumps(checksums, separators=(",", ":")).encode()
        execution.search_attributes.indexed_fields["BinaryChecksums"].CopyFrom(payload)
        execution.emit(VisibilityChanged())


def expiring(points: Iterable[ResetPointInfo], run_id: str, closed_at: datetime) -> list[ResetPointInfo]:
    """The reset points that a run hands on when it closes: those that lie in itself now have a last day."""
    handed_on = []
    for point in points:
        copy = ResetPointInfo()
        copy.CopyFrom(point)
        if point.run_id == run_id:
            copy.expire_time.FromDatetime(closed_at + timedelta(seconds=SHOWN_RETENTION_SECONDS))
        handed_on.append(copy)
    return handed_on
