"""What `mutate` and `status` have in common: histories read once, and replays of them in a process that can be watched."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wfctl.commands._session import Session
from wfctl.commands.replay import _sources
from wfctl.commands.replay._flags import CodeFlags, HistoryFlags, typed
from wfctl.errors import CommandError, UsageMistake

if TYPE_CHECKING:
    from wfctl.replay.chain import Chain
    from wfctl.replay.messages import Follow, LoadFailure
    from wfctl.replay.mutation.trial import Outcome
    from wfctl.replay.reading import ReadHistory
    from wfctl.replay.sources import StoredHistory

Named = list[tuple[str, "ReadHistory"]]


def wanted_of(targets: list[str] | None, histories: HistoryFlags, code: CodeFlags, example: str) -> dict[str, Any]:
    """What was typed, over the project's defaults."""
    from wfctl.replay import settings

    wanted = settings.merged(typed(histories, code) | {"targets": targets}, settings.load(Path.cwd()))
    if not wanted.get("targets"):
        raise UsageMistake("no code was named", hint=f"name a module, as in `{example}`")
    if wanted.get("lang", "python") != "python" or wanted.get("runner"):
        raise UsageMistake("only Python code can be looked into", hint="`wfctl replay check` replays other languages")
    return wanted


def read_histories(opened: Session, wanted: dict[str, Any]) -> Named:
    """All histories that were asked for, by their names; what cannot be read is told."""
    from wfctl.replay import reading

    sources, chain = _sources.histories_of(opened, wanted)
    types = wanted.get("type", ())
    found: Named = []
    leads: list[tuple[StoredHistory, Follow]] = []
    for stored in sources:
        for name, history in _read(opened, stored):
            found.append((name, history))
            leads += [(stored, follow) for follow in reading.references(history.events)]
    if wanted.get("chain"):
        found += _followed(opened, chain, leads, {history.run_id for _, history in found})
    return [(name, history) for name, history in found if not types or history.workflow_type in types]


def _read(opened: Session, stored: StoredHistory) -> Iterator[tuple[str, ReadHistory]]:
    from wfctl.replay import reading

    if reason := stored.failure or stored.missing:
        opened.out.note(f"left out: {stored.origin}: {reason}")
        return
    for position, history in enumerate(reading.read(stored), start=1):
        name = stored.origin if position == 1 else f"{stored.origin}#{position}"
        if not isinstance(history, reading.BadHistory):
            yield name, history
        elif not (history.no_history and stored.found_by_search):
            opened.out.note(f"left out: {name}: {history.reason}")


def _followed(
    opened: Session, chain: Chain, leads: list[tuple[StoredHistory, Follow]], seen: set[str]
) -> Iterator[tuple[str, ReadHistory]]:
    """The runs that these lead to, and those that they lead to in turn; each once."""
    from wfctl.replay import reading

    while leads:
        stored, follow = leads.pop(0)
        if follow.run_id in seen:
            continue
        seen.add(follow.run_id)
        further = chain(stored, follow)
        for name, history in _read(opened, further):
            yield name, history
            leads += [(further, lead) for lead in reading.references(history.events)]


def of_types(histories: Sequence[tuple[str, ReadHistory]], types: Collection[str]) -> Named:
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


def nothing_replayed(why: str) -> CommandError:
    from wfctl.replay.exits import CheckExit

    error = CommandError(f"nothing was replayed: {why}", hint="`wfctl replay record` collects histories from a server")
    error.exit_code = CheckExit.NOTHING_REPLAYED  # type: ignore[assignment]
    return error
