"""What `mutate` and `status` have in common: histories read once, and replays of them in a process that can be watched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from wfctl.commands._session import Session
from wfctl.errors import CommandError, UsageMistake

if TYPE_CHECKING:
    from wfctl.replay.messages import LoadFailure
    from wfctl.replay.mutation.trial import Outcome
    from wfctl.replay.reading import ReadHistory

Named = list[tuple[str, "ReadHistory"]]


def read_histories(opened: Session, wanted: dict[str, Any]) -> Named:
    """All histories that were named, by their names; what cannot be read is told."""
    from wfctl.replay import reading
    from wfctl.replay.sources import from_paths

    if not wanted.get("histories"):
        raise UsageMistake("no histories were named", hint="--histories PATH names files and directories")
    found: Named = []
    for stored in from_paths(wanted["histories"]):
        for position, history in enumerate(reading.read(stored), start=1):
            name = stored.origin if position == 1 else f"{stored.origin}#{position}"
            if isinstance(history, reading.BadHistory):
                if not (history.no_history and stored.found_by_search):
                    opened.out.note(f"left out: {name}: {history.reason}")
                continue
            found.append((name, history))
    return found


def histories_of(histories: Sequence[tuple[str, ReadHistory]], types: Collection[str]) -> Named:
    return [(name, history) for name, history in histories if history.workflow_type in types]


def lines_of(
    targets: tuple[str, ...], search: tuple[str, ...], histories: Named, files: frozenset[str], timeout: float
) -> Outcome:
    """The unchanged code with all histories: what passes, and, where coverage.py is installed, which lines run."""
    import importlib.util

    from wfctl.replay.mutation import pool
    from wfctl.replay.mutation.trial import Code, Job

    traced = files if importlib.util.find_spec("coverage") is not None else frozenset()
    job = Job(Code(targets, search), histories, to_the_end=True, traced=traced)
    seconds = timeout + len(histories)
    ((_, outcome),) = pool.outcomes([job], at_once=1, timeout_seconds=seconds)
    if outcome.failure:
        raise CommandError(f"the code as it is could not be replayed: {outcome.failure}")
    return outcome


def not_loaded(failure: LoadFailure) -> CommandError:
    from wfctl.replay.exits import CheckExit

    error = CommandError(failure.sentence, hint=failure.hint or None)
    error.exit_code = CheckExit.CODE_NOT_LOADED  # type: ignore[assignment]
    return error
