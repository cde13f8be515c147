"""`wfctl replay mutate`."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.replay._code import lines_of, not_loaded, nothing_replayed, of_types, read_histories, wanted_of
from wfctl.commands.replay._flags import CodeFlags, HistoryFlags
from wfctl.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from wfctl.replay.mutation.report import Measured
    from wfctl.replay.mutation.sites import Mutation
    from wfctl.replay.mutation.trial import Job, Outcome
    from wfctl.replay.reading import ReadHistory

_TIMEOUT = 30.0


def mutate(
    ctx: typer.Context,
    histories: HistoryFlags,
    code: CodeFlags,
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]…", help="The code, as for `replay check`.")
    ] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=0, help="Trials at once. Default 0: one per core.")] = 0,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for one trial.")] = _TIMEOUT,
    changes: Annotated[
        int, typer.Option("--changes", min=0, help="Try only so many changes, chosen at random (--seed).")
    ] = 0,
    min_score: Annotated[float, typer.Option("--min-score", help="Fail below this score, in percent.")] = 0.0,
    all_of_them: Annotated[bool, typer.Option("--all", help="List the changes that were caught too.")] = False,
) -> int:
    """Measure the net: change the code in memory, one thing at a time, and see which changes the histories catch.

    wfctl replay mutate orders.workflows --histories tests/histories

    Commands are dropped, doubled, renamed and swapped, sleeps and waits dropped, patches removed and inverted, branches
    turned round. What slips through is listed with its line, and whether any history runs that line.
    """
    with session(ctx) as opened:
        wanted = wanted_of(targets, histories, code, "wfctl replay mutate orders.workflows -H histories")
        run = _Run(opened, wanted, jobs or len(os.sched_getaffinity(0)), timeout)
        measured = run.measured(changes, wanted.get("seed", 0))
        _tell(opened, measured, all_of_them=all_of_them)
        if not measured.trials:
            raise CommandError("there is nothing to change: no workflow in it makes commands")
        return ExitCode.FAILED if measured.score < min_score else ExitCode.OK


@dataclass(slots=True)
class _Run:
    opened: Session
    wanted: dict[str, Any]
    at_once: int
    timeout: float

    def measured(self, changes: int, seed: int) -> Measured:
        from wfctl.replay.messages import LoadFailure
        from wfctl.replay.mutation import pool, report, sites

        targets, search = tuple(self.wanted["targets"]), tuple(self.wanted.get("path", ()))
        try:
            found = sites.mutations(targets, search)
        except LoadFailure as failure:
            raise not_loaded(failure) from failure
        if changes and changes < len(found):
            chosen = random.Random(seed).sample(range(len(found)), changes)
            found = [found[index] for index in sorted(chosen)]
        read = read_histories(self.opened, self.wanted)
        if not read:
            raise nothing_replayed("no history could be read")
        files = frozenset(one.file for one in found)
        baseline = lines_of(targets, search, read, files, self.timeout)
        kept = report.passing(baseline)
        measured = report.Measured(histories=len(kept), left_out=[name for name, _ in read if name not in kept])
        warned = {one.history: one.warnings for one in baseline.judged}
        read = [(name, history) for name, history in read if name in kept]
        trials: dict[int, report.Trial] = {}
        jobs = [self._job(mutation, read, warned) for mutation in found]
        for number, outcome in pool.outcomes(jobs, at_once=self.at_once, timeout_seconds=self.timeout):
            trials[number] = self._judged(found[number], outcome, baseline, len(jobs[number].histories))
            self._count(len(trials), len(found))
        measured.trials = [trials[number] for number in sorted(trials)]
        return measured

    def _job(self, mutation: Mutation, read: list[tuple[str, ReadHistory]], warned: dict[str, frozenset[str]]) -> Job:
        from wfctl.replay.mutation.trial import Code, Job

        code = Code(
            tuple(self.wanted["targets"]), tuple(self.wanted.get("path", ())), mutation.file, mutation.code
        )  # fmt: skip
        return Job(code, of_types(read, mutation.workflow_types), warned)

    def _judged(self, mutation: Mutation, outcome: Outcome, baseline: Outcome, histories: int) -> Any:
        from wfctl.replay.mutation import report

        return report.judged(mutation, outcome, baseline.lines or None, histories)

    def _count(self, done: int, total: int) -> None:
        stderr = self.opened.out.stderr
        if stderr.isatty():
            stderr.write(f"\r\x1b[K{done} of {total} changes tried" if done < total else "\r\x1b[K")
            stderr.flush()


def _tell(opened: Session, measured: Measured, *, all_of_them: bool) -> None:
    from wfctl.replay.mutation import report
    from wfctl.replay.mutation.report import Fate

    out = opened.out
    document = report.as_json(measured)
    if out.format == "jsonl":
        for one in document["mutations"]:
            out.value(one)
        out.value({"workflows": document["workflows"], "summary": document["summary"]})
    else:
        out.value(document)
    for name in measured.left_out:
        out.note(f"left out: {name} does not replay on the unchanged code")
    for one in measured.trials:
        if one.fate is Fate.CAUGHT and not all_of_them:
            continue
        place = one.mutation.location
        paint = {Fate.CAUGHT: "green", Fate.WARNED: "yellow", Fate.SLIPPED: "red"}[one.fate]
        told = one.why or f"{one.rule} ({one.by})"
        out.line(
            f"{out.paint(one.fate.value, paint)} {place.file}:{place.line} {one.mutation.kind}: {one.mutation.title}"  # type: ignore[arg-type]
        )
        out.line(f"    {told}")
    rows = [
        (
            str(one["type"]),
            *(str(one[key]) for key in ("mutations", "caught", "warned", "slipped")),
            f"{one['score']:.0f} %",
        )
        for one in document["workflows"]
    ]
    summary = document["summary"]
    rows.append(
        (
            "all",
            *(str(summary[key]) for key in ("mutations", "caught", "warned", "slipped")),
            f"{summary['score']:.0f} %",
        )
    )
    out.table(["Workflow type", "Changes", "Caught", "Warned", "Slipped", "Score"], rows)
