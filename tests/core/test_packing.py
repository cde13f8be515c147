from __future__ import annotations

from datetime import UTC, datetime

from wfctl.devserver.core import packing
from wfctl.devserver.core.entities.workflow_task import TASK_FIELDS, State, WorkflowTask

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_only_what_differs_from_its_default_is_packed() -> None:
    task = WorkflowTask(state=State.STARTED, attempt=3, started_time=MOMENT, suggest_reasons=(1, 2))
    packed = packing.pack(task, TASK_FIELDS)
    assert packed == {"state": 2, "attempt": 3, "started_time": MOMENT.timestamp(), "suggest_reasons": [1, 2]}
    assert WorkflowTask(**packing.unpack(packed, TASK_FIELDS)) == task


def test_a_field_of_another_version_is_left_out_and_a_missing_one_has_its_default() -> None:
    assert WorkflowTask(**packing.unpack({"attempt": 2, "of_tomorrow": 1}, TASK_FIELDS)) == WorkflowTask(attempt=2)


def test_every_field_of_a_workflow_task_is_packed() -> None:
    assert set(TASK_FIELDS) == set(WorkflowTask.__dataclass_fields__)
