"""`wfctl replay check`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.replay._flags import CodeFlags, HistoryFlags, LanguageFlags, ReportFlags, RunFlags, typed
from wfctl.commands.replay._sources import histories_of
from wfctl.errors import CommandError, ExitCode, UsageMistake

if TYPE_CHECKING:
    from wfctl.replay.checker import Checker
    from wfctl.replay.messages import LoadFailure, RunnerCommand
    from wfctl.replay.model import Result, Summary
    from wfctl.replay.sources import StoredHistory

_DEFAULT_TIMEOUT = 120.0
_NOTE_SECONDS = 10.0


def check(
    ctx: typer.Context,
    histories: HistoryFlags,
    code: CodeFlags,
    running: RunFlags,
    language: LanguageFlags,
    reports: ReportFlags,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]…", help="The code: module:Workflow, module, package, file, module:factory."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check, and on every save check again what the change can touch.")
    ] = False,
) -> int:
    """Replay histories against workflow code: what would break if this code were rolled out now, and why.

    wfctl replay check orders.workflows --histories tests/histories

    wfctl replay check --lang ts src/workflows.ts --histories tests/histories

    wfctl replay check orders.worker:make_worker --query 'ExecutionStatus="Running"' --address prod:7233

    Defaults come from [tool.wfctl.replay] in pyproject.toml, or wfctl.yaml. Exit codes: docs/replay.md.
    """
    from wfctl.replay import settings

    with session(ctx) as opened:
        wanted = settings.merged(
            typed(histories, code, running, language) | {"targets": targets}, settings.load(Path.cwd())
        )
        for name in ("junit", "sarif", "markdown"):
            setattr(reports, name, getattr(reports, name) or wanted.get(name))
        checked = _Check(opened, wanted, reports)
        return checked.watch() if watch else checked.run()


@dataclass(slots=True)
class _Check:
    """One run of the command."""

    opened: Session
    wanted: dict[str, Any]
    reports: ReportFlags

    def run(self) -> int:
        from wfctl.replay.messages import LoadFailure
        from wfctl.replay.report import github, markdown

        began = time.monotonic()
        try:
            with self._runner() as runner, self._live() as live:
                checker, found = self._prepared(runner)
                results = live.follow(checker, found)
        except LoadFailure as failure:
            self._tell_github(github.render_failure(failure, _root()), markdown.render_failure(failure))
            raise _not_loaded(failure) from failure
        return self._conclude(checker, results, time.monotonic() - began)

    def watch(self) -> int:
        from wfctl.commands.replay._watch import Watch

        if self.wanted.get("runner") or self.wanted.get("lang", "python") != "python":
            raise UsageMistake("--watch is for Python code", hint="run the check again after a change")
        return Watch(
            self.opened, self.wanted, self.reports.quiet, lambda: histories_of(self.opened, self.wanted)[0]
        ).run()

    @contextmanager
    def _runner(self) -> Iterator[RunnerCommand | None]:
        """What replays code of another language, made ready; None for Python."""
        from wfctl.replay.runners.prepare import language, prepared
        from wfctl.replay.runners.project import Wanted

        wanted = self.wanted
        name = language(wanted.get("lang", "python"))
        command = wanted.get("runner", "")
        if not wanted.get("targets") and not command:
            raise UsageMistake(
                "no code was named to check", hint="name a module, as in `wfctl replay check orders.workflows`"
            )
        if name == "python" and not command:
            yield None
            return
        targets = tuple(wanted.get("targets", ()))
        with prepared(Wanted(name, targets, wanted.get("project", ""), wanted.get("class_path", ""), command)) as ready:
            yield ready

    def _prepared(self, runner: RunnerCommand | None) -> tuple[Checker, Iterator[StoredHistory]]:
        from wfctl.replay.checker import Checker, CheckOptions
        from wfctl.replay.messages import WorkerOptions

        wanted = self.wanted
        options = WorkerOptions(
            targets=tuple(wanted.get("targets", ())),
            search=tuple(wanted.get("path", ())),
            types=tuple(wanted.get("type", ())),
            skip_unregistered=wanted.get("skip_unregistered", False),
            chain=wanted.get("chain", False),
            runner=runner,
        )
        found, chaser = histories_of(self.opened, self.wanted)
        return Checker(
            CheckOptions(
                options,
                jobs=wanted.get("jobs", 0),
                timeout_seconds=wanted.get("timeout", _DEFAULT_TIMEOUT),
                fail_fast=wanted.get("fail_fast", False),
            ),
            chaser if options.chain else None,
        ), found

    # Telling.

    def _live(self) -> _Live:
        return _Live(self.opened, quiet=self.reports.quiet)

    def _conclude(self, checker: Checker, results: list[Result], seconds: float) -> int:
        from wfctl.replay.exits import CheckExit, exit_code
        from wfctl.replay.model import Summary
        from wfctl.replay.report import jsonreport
        from wfctl.replay.report.text import TextReport

        out = self.opened.out
        summary = Summary.of(results, seconds)
        TextReport(out).summary(summary)
        if out.format == "json":
            out.value({"results": [jsonreport.result(one) for one in results], "summary": jsonreport.summary(summary)})
        elif out.format == "jsonl":
            out.value({"summary": jsonreport.summary(summary)})
        self._write_reports(results, summary, checker.stopped)
        for problem in checker.problems:
            out.note(f"warning: a module could not be loaded: {problem}")
        if checker.stopped == "interrupted":
            out.note("interrupted: the report covers what was judged until then")
            return ExitCode.INTERRUPTED
        code = exit_code(summary, strict=self.wanted.get("strict", False))
        if code is CheckExit.NOTHING_REPLAYED:
            out.note(f"error: nothing was replayed{': every history was skipped' if results else ''}")
            out.note(f"hint: {_where(self.wanted) if not results else 'each says why it was'}")
        if checker.stopped:
            out.note("stopped at the first failure (--fail-fast); further histories were not looked at")
        if code is CheckExit.OK and checker.problems:
            return CheckExit.CODE_NOT_LOADED
        return code

    def _write_reports(self, results: list[Result], summary: Summary, stopped: str) -> None:
        from wfctl.replay.report import github, junit, markdown, sarif

        root = _root()
        wants: list[tuple[str | None, Callable[[], str]]] = [
            (self.reports.junit, lambda: junit.render(results, summary)),
            (self.reports.sarif, lambda: sarif.render(results, root)),
            (self.reports.markdown, lambda: markdown.render(results, summary, stopped)),
        ]
        for path, render in wants:
            if path:
                _write(path, render())
        self._tell_github(github.render(results, root), markdown.render(results, summary, stopped))

    def _tell_github(self, annotations: str, job_summary: str) -> None:
        is_wanted = self.reports.github
        if not (is_wanted if is_wanted is not None else os.environ.get("GITHUB_ACTIONS") == "true"):
            return
        # The runner reads both streams; stdout stays data when it is JSON.
        out = self.opened.out
        (out.stdout if out.is_text else out.stderr).write(annotations)
        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(job_summary)


class _Live:
    """What is said while the check runs: results on stdout as they come, a counter on stderr."""

    def __init__(self, opened: Session, *, quiet: bool) -> None:
        self._out = opened.out
        self._quiet = quiet
        self._last_note = time.monotonic()
        self._counts_on_stderr = not quiet and opened.out.stderr.isatty() and not opened.out.stdout.isatty()

    def __enter__(self) -> _Live:
        self._handler = signal.getsignal(signal.SIGINT)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._handler)
        if self._counts_on_stderr:
            self._out.stderr.write("\r\x1b[K")
            self._out.stderr.flush()

    def follow(self, checker: Checker, found: Iterator[StoredHistory]) -> list[Result]:
        from wfctl.replay.report import jsonreport
        from wfctl.replay.report.text import TextReport

        signal.signal(signal.SIGINT, lambda *_: self._interrupt(checker))
        text = TextReport(self._out, quiet=self._quiet)
        results: list[Result] = []
        failed = 0
        for result in checker.results(found):
            results.append(result)
            failed += not result.verdict.passes
            text.result(result)
            if self._out.format == "jsonl":
                self._out.value(jsonreport.result(result))
            self._out.flush()
            self._count(len(results), failed)
        return results

    def _interrupt(self, checker: Checker) -> None:
        """Ctrl-c ends the check with a report; a second one ends everything."""
        signal.signal(signal.SIGINT, self._handler)
        checker.interrupt()

    def _count(self, judged: int, failed: int) -> None:
        """On a terminal a counter in place; in a log a line now and then, if results do not show by themselves."""
        text = f"{judged} judged, {failed} failed"
        if self._counts_on_stderr:
            self._out.stderr.write(f"\r\x1b[K{text}")
            self._out.stderr.flush()
        elif not self._quiet and not self._out.is_text and time.monotonic() - self._last_note > _NOTE_SECONDS:
            self._last_note = time.monotonic()
            self._out.note(f"… {text}")


def _root() -> Path:
    """Of the checkout, from which CI names files."""
    return Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())


def _where(wanted: dict[str, Any]) -> str:
    """Where histories were looked for, when there were none."""
    from wfctl.replay.sources import SUFFIXES

    if wanted.get("histories"):
        places = ", ".join(wanted["histories"])
        return f"no file in {places} ends in {', '.join(SUFFIXES)}; `wfctl replay record --to DIR` collects histories"
    return "no run matched; `wfctl workflow list` shows what there is"


def _write(path: str, text: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        hint = "name a file in a directory that can be written to"
        raise CommandError(f"the report {path} cannot be written: {error.strerror}", hint=hint) from error


def _not_loaded(failure: LoadFailure) -> CommandError:
    from wfctl.replay.exits import CheckExit

    error = CommandError(failure.sentence, hint=failure.hint or None)
    error.exit_code = CheckExit.CODE_NOT_LOADED  # type: ignore[assignment]
    return error
