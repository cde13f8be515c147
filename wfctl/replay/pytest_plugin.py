"""`pytest --wfctl-replay`: one test for each history, with the diagnosis as its failure.

pytest imports this in every project that has wfctl installed, so nothing but pytest is imported until the option is given.
Histories are fed to worker processes like those of `wfctl replay check`: without pytest-xdist all of them ahead, in
parallel; in an xdist worker one at a time, as its tests come.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wfctl.replay.checker import Checker
    from wfctl.replay.messages import LoadFailure
    from wfctl.replay.model import Result
    from wfctl.replay.sources import StoredHistory

_MARK = "wfctl_replay"
_WARNING = "wfctl_warning"
_NODE = "wfctl-replay"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wfctl-replay", "replay histories against workflow code (wfctl)")
    group.addoption(
        "--wfctl-replay", action="store_true", help="Add a test for each history; marked wfctl_replay."
    )  # fmt: skip
    group.addoption(
        "--wfctl-target", action="append", metavar="TARGET", help="The code, as for `wfctl replay check`. Repeatable."
    )
    group.addoption(
        "--wfctl-histories", action="append", metavar="PATH", help="History file or directory. Repeatable."
    )  # fmt: skip
    group.addoption("--wfctl-database", metavar="FILE", help="Take runs from a dev server's database file.")
    group.addoption("--wfctl-path", action="append", metavar="DIR", help="Look for modules here too. Repeatable.")
    group.addoption("--wfctl-timeout", type=float, metavar="SECONDS", help="For one history. Default 120.")
    group.addoption("--wfctl-strict", action="store_true", help="Warnings of the diagnosis fail the test too.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}: a history replayed against workflow code by wfctl")
    if config.getoption("--wfctl-replay"):
        config.pluginmanager.register(_Plugin(config), "wfctl-replay-session")


class _Plugin:
    """Registered only when the option is given."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._settings = _settings(config)
        self._replays = _Replays(self._settings, jobs=1 if hasattr(config, "workerinput") else 0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        collector = _Histories.from_parent(session, name=_NODE, nodeid=_NODE)
        found = list(collector.of(self._settings, self._replays))
        if not found:
            raise pytest.UsageError("--wfctl-replay: there are no histories to replay")
        items.extend(found)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not hasattr(self._config, "workerinput") and not self._config.option.collectonly:
            for item in session.items:
                if isinstance(item, ReplayItem):
                    self._replays.feed(item.stored)

    def pytest_sessionfinish(self) -> None:
        self._replays.close()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, ())]
        found = [
            (report.nodeid, text)
            for report in reports
            for name, text in getattr(report, "user_properties", ())
            if name == _WARNING and report.when == "call"
        ]
        if found:
            terminalreporter.section("wfctl replay warnings")
            for nodeid, text in found:
                terminalreporter.write_line(f"{nodeid}: {text}")


def _settings(config: pytest.Config) -> dict[str, Any]:
    from wfctl.errors import CommandError, describe
    from wfctl.replay import settings

    given = {
        "targets": config.getoption("--wfctl-target"),
        "histories": config.getoption("--wfctl-histories"),
        "database": config.getoption("--wfctl-database"),
        "path": config.getoption("--wfctl-path"),
        "timeout": config.getoption("--wfctl-timeout"),
        "strict": config.getoption("--wfctl-strict") or None,
    }
    try:
        merged = settings.merged(given, settings.load(config.invocation_params.dir))
    except CommandError as error:
        raise pytest.UsageError(describe(error)) from error
    if not merged.get("targets"):
        raise pytest.UsageError(
            "--wfctl-replay: no code was named; give --wfctl-target, or targets in [tool.wfctl.replay]"
        )
    if not (merged.get("histories") or merged.get("database")):
        raise pytest.UsageError(
            "--wfctl-replay: no histories were named; give --wfctl-histories, or histories in [tool.wfctl.replay]"
        )
    return merged


class _Histories(pytest.Collector):
    """The parent of the tests; not collected itself, for it is no file that was named."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return []

    def of(self, settings: dict[str, Any], replays: _Replays) -> Iterator[ReplayItem]:
        from wfctl.errors import CommandError, describe

        try:
            for stored in _stored(settings):
                for name in _names(stored):
                    item: ReplayItem = ReplayItem.from_parent(
                        self, name=name, stored=stored, replays=replays, strict=settings.get("strict", False)
                    )
                    item.add_marker(_MARK)
                    yield item
        except CommandError as error:
            raise pytest.UsageError(f"--wfctl-replay: {describe(error)}") from error


def _stored(settings: dict[str, Any]) -> Iterator[StoredHistory]:
    from wfctl.replay.sources import Selection, from_paths

    yield from from_paths(settings.get("histories", ()))
    if settings.get("database"):
        from wfctl.replay.database_source import DatabaseSource

        selection = Selection(
            types=tuple(settings.get("type", ())),
            limit=settings.get("limit", 0),
            per_type=settings.get("per_type", 0),
            sample=settings.get("sample", 0),
            seed=settings.get("seed", 0),
        )
        source = DatabaseSource(settings["database"], "default", lambda _: None)
        yield from source.matching(selection)


def _names(stored: StoredHistory) -> list[str]:
    """The names that results will have: a file of several histories is several tests."""
    if not stored.path.endswith((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")):
        return [stored.origin]
    from wfctl.replay import reading

    count = sum(1 for _ in reading.read(stored))
    return [stored.origin if position == 1 else f"{stored.origin}#{position}" for position in range(1, count + 1)]


class ReplayItem(pytest.Item):
    """One history."""

    def __init__(self, *, stored: StoredHistory, replays: _Replays, strict: bool, **named: Any) -> None:
        super().__init__(**named)
        self.stored = stored
        self._replays = replays
        self._strict = strict

    def runtest(self) -> None:
        from wfctl.replay.model import Severity, Verdict

        result = self._replays.result(self.stored, self.name)
        if result.verdict is Verdict.SKIPPED:
            pytest.skip(result.detail)
        warnings = [one for one in result.findings if one.severity is Severity.WARNING]
        for one in warnings:
            place = f" ({one.location.file}:{one.location.line})" if one.location else ""
            self.user_properties.append((_WARNING, f"{one.rule}: {one.message}{place}"))
        if not result.verdict.passes or (warnings and self._strict):
            raise ReplayFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ReplayFailed):
            return _told(excinfo.value.result, colored=self.config.get_terminal_writer().hasmarkup)
        if isinstance(excinfo.value, CodeNotLoaded):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        return self.stored.path or self.name, None, f"replay of {self.name}"


class ReplayFailed(Exception):
    """The code does not fit the history; the diagnosis is shown instead of a traceback."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{result.verdict.value}: {result.detail}")
        self.result = result


class CodeNotLoaded(Exception):
    """The target is not there, or cannot be imported."""


def _told(result: Result, *, colored: bool) -> str:
    import io

    from wfctl.output import Output
    from wfctl.replay.report.text import TextReport

    buffer = io.StringIO()
    TextReport(Output(stdout=buffer, color="always" if colored else "never")).result(result)
    return buffer.getvalue().rstrip()


class _Replays:
    """A check that runs beside the tests; each test takes its result."""

    def __init__(self, settings: dict[str, Any], jobs: int) -> None:
        import queue

        self._settings, self._jobs = settings, jobs or settings.get("jobs", 0)
        self._queue: queue.Queue[StoredHistory | None] = queue.Queue()
        self._fed: set[str] = set()
        self._results: Iterator[Result] | None = None
        self._early: dict[str, Result] = {}
        self._failure: LoadFailure | None = None

    def feed(self, stored: StoredHistory) -> None:
        """Have it replayed, once."""
        if stored.origin not in self._fed:
            self._fed.add(stored.origin)
            self._queue.put(stored)

    def result(self, stored: StoredHistory, name: str) -> Result:
        from wfctl.replay.messages import LoadFailure

        self.feed(stored)
        if self._results is None:
            self._results = iter(self._checker().results(iter(self._queue.get, None)))
        try:
            while name not in self._early and self._failure is None:
                result = next(self._results)
                self._early[result.history] = result
        except LoadFailure as failure:
            self._failure = failure
        except StopIteration:
            raise CodeNotLoaded(f"the check ended without a verdict on {name}") from None
        if self._failure is not None:
            hint = f"\nhint: {self._failure.hint}" if self._failure.hint else ""
            raise CodeNotLoaded(f"error: {self._failure.sentence}{hint}")
        return self._early.pop(name)

    def _checker(self) -> Checker:
        from wfctl.replay.checker import Checker, CheckOptions
        from wfctl.replay.messages import WorkerOptions

        settings = self._settings
        worker = WorkerOptions(
            targets=tuple(settings["targets"]),
            search=tuple(settings.get("path", ())),
            types=tuple(settings.get("type", ())),
            skip_unregistered=settings.get("skip_unregistered", False),
        )
        return Checker(CheckOptions(worker, jobs=self._jobs, timeout_seconds=settings.get("timeout", 120.0)))

    def close(self) -> None:
        """End the worker processes."""
        self._queue.put(None)
        close = getattr(self._results, "close", None)
        if close is not None:
            close()
