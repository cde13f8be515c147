"""Effect → what is done about it: tasks go to their queues, words to other runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wfctl.devserver.core import effects
from wfctl.devserver.core.errors import Unavailable
from wfctl.devserver.engine.runs import RETRY_SECONDS, Run, Runs
from wfctl.devserver.matching.queue import Task
from wfctl.devserver.matching.queues import Queues
from wfctl.devserver.services.child_workflows import ChildWorkflows
from wfctl.devserver.services.external_workflows import ExternalWorkflows
from wfctl.devserver.services.namespaces import Namespaces


class Effects:
    """Registers itself as the handlers of `runs`."""

    def __init__(self, runs: Runs, queues: Queues, namespaces: Namespaces) -> None:
        self.runs = runs
        self.queues = queues
        self.children = ChildWorkflows(runs, namespaces)
        self.externals = ExternalWorkflows(runs, namespaces)
        runs.handlers.update(
            {
                effects.EnqueueWorkflowTask: self.enqueue_workflow_task,
                effects.EnqueueActivityTask: self.enqueue_activity_task,
                effects.StartChild: self.start_child,
                effects.SignalExternal: self.signal_external,
                effects.CancelExternal: self.cancel_external,
                effects.LastWords: self.say_last_words,
            }
        )

    def enqueue_workflow_task(self, run: Run, effect: effects.EnqueueWorkflowTask) -> None:
        task = self._task(run, effect)
        self.queues.add_workflow_task(run.execution.namespace_id, effect.queue, task)

    def enqueue_activity_task(self, run: Run, effect: effects.EnqueueActivityTask) -> None:
        task = self._task(run, effect)
        self.queues.add_activity_task(run.execution.namespace_id, effect.queue_name, task)

    def _task(self, run: Run, effect: effects.EnqueueWorkflowTask | effects.EnqueueActivityTask) -> Task:
        place = effect.place
        return Task(
            run.key,
            effect.scheduled_event_id,
            effect.attempt,
            place.priority_key,
            self.runs.clock.now(),
            stamp=effect.stamp if isinstance(effect, effects.EnqueueActivityTask) else 0,
            fairness_key=place.fairness_key,
            fairness_weight=place.fairness_weight,
        )

    # What concerns another run waits for a turn of the loop: the step that asked for it is still under way.

    def start_child(self, run: Run, effect: effects.StartChild) -> None:
        self._insist(run, lambda: self.children.start(run.key, effect.initiated_event_id))

    def signal_external(self, run: Run, effect: effects.SignalExternal) -> None:
        self._insist(run, lambda: self.externals.signal(run.key, effect.initiated_event_id))

    def cancel_external(self, run: Run, effect: effects.CancelExternal) -> None:
        self._insist(run, lambda: self.externals.request_cancel(run.key, effect.initiated_event_id))

    def say_last_words(self, run: Run, effect: effects.LastWords) -> None:
        self._insist(run, lambda: self.children.say_last_words(run))

    def _insist(self, run: Run, work: Callable[[], Awaitable[None]]) -> None:
        """Until it is on disk, unless the run's own write failed: then it is taken up again, with what it has to say."""

        async def insist() -> None:
            while not run.failed:
                try:
                    await work()
                except Unavailable:
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    return

        self.runs.spawn(insist())
