"""How the timeouts of a workflow bound one another."""

from __future__ import annotations

from datetime import timedelta

from wfctl.devserver.settings import Settings


def run_timeout(run: timedelta, execution: timedelta) -> timedelta:
    """A run never outlives its chain; zero is no limit."""
    if not execution:
        return run
    return min(run, execution) if run else execution


def task_timeout(task: timedelta, run: timedelta, settings: Settings) -> timedelta:
    """A workflow task has a default and a longest time, and never outlives its run."""
    longest = timedelta(seconds=settings.workflow_task_timeout_max_seconds)
    timeout = min(task or timedelta(seconds=settings.workflow_task_timeout_seconds), longest)
    return min(timeout, run) if run else timeout
