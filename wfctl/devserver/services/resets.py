"""Resetting workflows: the new run and the end of the old one, in one commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial

from temporalio.api.enums.v1 import EventType

from wfctl.devserver.core import reset
from wfctl.devserver.core.entities import completion
from wfctl.devserver.core.errors import NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.engine.runs import Run, Runs
from wfctl.devserver.services.start import start_request_id
from wfctl.devserver.storage import histories as storage

CONTINUED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW


async def reset_workflow_execution(
    runs: Runs, workflow: tuple[str, str], run_id: str, request_id: str, wish: reset.Reset
) -> Run:
    """Returns the new run; commit pending. Raises NotFound, InvalidArgument."""
    with ExitStack() as stack:
        find = partial(_find_pinned, runs, stack, workflow)
        batches: dict[int, list[int]] = {}
        while True:
            base = await find(run_id)
            reset.check_in_history(base.execution, wish.finish_event_id)
            if base.key not in batches:
                await runs.committed(base)
                batches[base.key] = await runs.database.read(partial(storage.batch_starts, run_key=base.key))
                continue
            current = await find("")
            if request_id == start_request_id(current.execution):
                return current
            chain = await _chain(base, find)
            moved = any(run.dropped for run in (base, current, *chain))
            if not moved and runs.current.get(workflow) in (None, current.key):
                break
        starts = batches[base.key]
        reset.check_point(base.execution, wish.finish_event_id, starts)
        return _reset(runs, base, current, chain, wish, [at for at in starts if at < wish.finish_event_id])


async def _find_pinned(runs: Runs, stack: ExitStack, workflow: tuple[str, str], run_id: str) -> Run:
    """The run, held in memory for as long as the stack."""
    return stack.enter_context(runs.pinned(await runs.find(*workflow, run_id)))


async def _chain(base: Run, find: Callable[[str], Awaitable[Run]]) -> list[Run]:
    """The runs that the base run was continued as, as far as they are still there."""
    chain: list[Run] = []
    execution = base.execution
    while not execution.is_running:
        last = execution.history.event(execution.next_event_id - 1)
        if last.event_type != CONTINUED:
            break
        try:
            run = await find(last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id)
        except NotFound:
            break
        chain.append(run)
        execution = run.execution
    return chain


def _reset(runs: Runs, base: Run, current: Run, chain: Sequence[Run], wish: reset.Reset, batches: Sequence[int]) -> Run:
    """Without a pause: end the current run, note the new one in the base run, begin the new one."""
    new_run_id = runs.new_id()
    base_run_id = base.execution.run_id

    def end(execution: Execution) -> None:
        if execution.run_id == base_run_id:
            note(execution)
        completion.terminate(execution, wish.reason, None, completion.RESETTER)

    def note(execution: Execution) -> None:
        execution.reset_run_id = new_run_id

    if current.is_running:
        runs.step(current, end)
    if base.execution.reset_run_id != new_run_id:
        runs.step(base, note)
    told = [base.execution, *(run.execution for run in chain)]

    def begin(execution: Execution) -> None:
        reset.begin(execution, base.execution, wish, told, start_request_id(base.execution))

    namespace_id, workflow_id, _ = base.identity
    return runs.create(namespace_id, workflow_id, new_run_id, begin, [*batches, wish.finish_event_id])
