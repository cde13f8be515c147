"""Effect → what is done about it: tasks go to their queues, words to other runs."""

from __future__ import annotations

from wfctl.devserver.core import effects
from wfctl.devserver.engine.runs import Run, Runs
from wfctl.devserver.matching.queue import Task
from wfctl.devserver.matching.queues import Queues


class Effects:
    """Registers itself as the handlers of `runs`."""

    def __init__(self, runs: Runs, queues: Queues) -> None:
        self.runs = runs
        self.queues = queues
        runs.handlers.update(
            {
                effects.EnqueueWorkflowTask: self.enqueue_workflow_task,
                effects.EnqueueActivityTask: self.enqueue_activity_task,
            }
        )

    def enqueue_workflow_task(self, run: Run, effect: effects.EnqueueWorkflowTask) -> None:
        task = self._task(run, effect)
        self.queues.add_workflow_task(run.execution.namespace_id, effect.queue, task)

    def enqueue_activity_task(self, run: Run, effect: effects.EnqueueActivityTask) -> None:
        task = self._task(run, effect)
        self.queues.add_activity_task(run.execution.namespace_id, effect.queue_name, task)

    def _task(self, run: Run, effect: effects.EnqueueWorkflowTask | effects.EnqueueActivityTask) -> Task:
        return Task(run.key, effect.scheduled_event_id, effect.attempt, effect.priority_key, self.runs.clock.now())
