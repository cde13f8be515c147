"""Versions of the job that is cancelled (`workflows/cancelling.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, Change, Outcome

HISTORIES = {"cancelling": ("job-*",)}

CHANGES = (
    Change("job-as-it-is", "cancelling", ()),
    Change(
        "job-does-not-cancel",
        "cancelling",
        (
            (
                "            job.cancel()\n            try:\n                await job\n            except ActivityError:\n                pass\n            return",
                "            return",
            ),
        ),
        (Outcome("ActivityTaskCancelRequested", "cancel-removed", 'return "too slow"', only=("job-slow",)),),
    ),
    Change(
        "job-keeps-its-timer",
        "cancelling",
        (("                timer.cancel()\n", ""),),
        (Outcome("TimerCanceled", "cancel-removed", "return job.result()"),),
    ),
    Change(
        "job-cleanup-removed",
        "cancelling",
        (
            (
                "            await asyncio.shield(workflow.execute_activity(activities.cleanup, name, start_to_close_timeout=SHORT))\n",
                "",
            ),
        ),
        (Outcome(f"{ACTIVITY} cleanup", "activity-removed", "raise"),),
    ),
    Change(
        "job-timer-first",
        "cancelling",
        (
            (
                "        job = workflow.start_activity(",
                "        await workflow.sleep(0.01)\n        job = workflow.start_activity(",
            ),
        ),
        (Outcome(f"{ACTIVITY} long_job", "timer-added", "workflow.sleep(0.01)"),),
    ),
    Change(
        "job-swallows-cancellation",
        "cancelling",
        (
            (
                "start_to_close_timeout=SHORT))\n            raise",
                'start_to_close_timeout=SHORT))\n            return "cancelled"',
            ),
        ),
        (Outcome("WorkflowExecutionCanceled", "workflow-outcome-changed", 'return "cancelled"'),),
    ),
)
