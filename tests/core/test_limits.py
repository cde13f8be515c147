"""Limits of a whole run."""

from __future__ import annotations

from dataclasses import replace

from tests.support.executions import complete_task, event_types, started_execution
from wfctl.devserver.core import limits
from wfctl.devserver.core.entities import signal, workflow_task
from wfctl.devserver.settings import Settings


def test_a_run_may_fill_its_history_to_the_limit_and_no_further() -> None:
    execution = started_execution(replace(Settings(), history_count_error=4))
    complete_task(execution)
    assert limits.exceeded(execution) == ""
    signal.signal(execution, "s", None, None, "", "")
    assert limits.exceeded(execution) == "Workflow history count exceeds limit."


def test_the_size_of_a_history_is_limited_too() -> None:
    execution = started_execution(replace(Settings(), history_size_error=100))
    assert limits.exceeded(execution) == "Workflow history size exceeds limit."
    limits.terminate(execution, "enough")
    assert limits.exceeded(execution) == ""
    assert event_types(execution)[-1] == "WORKFLOW_EXECUTION_TERMINATED"


def test_too_much_news_fails_the_workflow_task_that_holds_it_up() -> None:
    execution = started_execution(replace(Settings(), max_buffered_events=2))
    workflow_task.start(execution, "request", "worker")
    for _ in range(2):
        signal.signal(execution, "s", None, None, "", "")
    limits.relieve(execution)
    assert execution.workflow_task.is_started
    signal.signal(execution, "s", None, None, "", "")
    limits.relieve(execution)
    assert event_types(execution)[-5:] == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
