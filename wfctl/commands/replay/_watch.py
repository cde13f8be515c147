"""`wfctl replay check --watch`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wfctl.commands._session import Session
from wfctl.errors import ExitCode, UsageMistake

if TYPE_CHECKING:
    from wfctl.replay.lint.imports import Files
    from wfctl.replay.messages import WorkerOptions
    from wfctl.replay.model import Result
    from wfctl.replay.sources import StoredHistory
    from wfctl.replay.watching import Nursery

_STEP_MILLISECONDS = 40
_DEBOUNCE_MILLISECONDS = 200
_LOOK_MILLISECONDS = 250


@dataclass(slots=True)
class Watch:
    """Checks once, then again on every save; ends with ctrl-c."""

    opened: Session
    wanted: dict[str, Any]
    quiet: bool
    find: Callable[[], Iterator[StoredHistory]]
    nursery: Nursery = field(init=False)
    stored: list[StoredHistory] = field(default_factory=list)
    types: dict[str, set[str]] = field(default_factory=dict)
    """The workflow types of each stored history, as far as they are known."""
    failing: dict[str, Result] = field(default_factory=dict)
    began: float = field(default_factory=time.time)
    stamps: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of each file that was told to be changed: inode, time and size."""

    def run(self) -> int:
        if not self.wanted.get("targets"):
            raise UsageMistake("no code was named to check", hint="name a module, as in `wfctl replay check orders`")
        from wfctl.replay.watching import Nursery

        at_once = self.wanted.get("jobs", 0) or len(os.sched_getaffinity(0))
        self.nursery = Nursery(at_once, self.wanted.get("timeout", 120.0))
        try:
            self.stored = list(self.find())
            self._round("", self.stored)
            self._follow()
        except KeyboardInterrupt:
            pass
        finally:
            self.nursery.close()
        return ExitCode.INTERRUPTED

    def _follow(self) -> None:
        import watchfiles

        from wfctl.replay.sources import SUFFIXES

        files = self._files()
        places = self._places(files)
        is_watching = False
        for changes in watchfiles.watch(
            *places,
            debounce=_DEBOUNCE_MILLISECONDS,
            step=_STEP_MILLISECONDS,
            rust_timeout=_LOOK_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=True,
        ):
            changed = {str(Path(path).resolve()) for _, path in changes}
            if not is_watching:
                is_watching = True
                self.opened.out.note(f"watching {', '.join(sorted(_shown(one) for one in places))}; ctrl-c ends it")
                changed |= self._saved_meanwhile(files)
            changed = {path for path in changed if path.endswith((".py", *SUFFIXES)) and self._is_news(path)}
            if changed:
                files = self._changed(changed, files)

    def _changed(self, changed: set[str], files: Files) -> Files:
        """Replay what was or is now made of these files."""
        affected = self._affected(changed, files)
        files = self._files() if any(path.endswith(".py") for path in changed) else files
        affected += [one for one in self._affected(changed, files) if one not in affected]
        if affected:
            self._round(", ".join(sorted(_shown(path) for path in changed)), affected)
        return files

    def _is_news(self, path: str) -> bool:
        """One save may be told twice, long after the first time."""
        stamp = _stamp(path)
        if path in self.stamps and self.stamps[path] == stamp:
            return False
        self.stamps[path] = stamp
        return True

    def _saved_meanwhile(self, files: Files) -> set[str]:
        """Files saved since the first round began, before anybody watched."""
        return {file for file in files.every if Path(file).is_file() and Path(file).stat().st_mtime > self.began}

    def _files(self) -> Files:
        from wfctl.replay.lint.imports import files_of

        return files_of(self.wanted["targets"], self.wanted.get("path", ()))

    def _places(self, files: Files) -> set[str]:
        places = {str(Path(file).parent) for file in files.every}
        places |= {str(Path(path).resolve()) for path in self.wanted.get("histories", ()) if path != "-"}
        places |= {str(Path.cwd())} if not files.every else set()
        return {
            one for one in places if not any(one != other and Path(one).is_relative_to(other) for other in places)
        }  # fmt: skip

    def _affected(self, changed: set[str], files: Files) -> list[StoredHistory]:
        """Histories of the types whose code has changed, and histories that have changed themselves."""
        code = {path for path in changed if path.endswith(".py")}
        types = files.touched(code) if code else set()
        if any(not path.endswith(".py") for path in changed):
            self.stored = list(self.find()) if self.wanted.get("histories") else self.stored
        return [
            one
            for one in self.stored
            if (one.path and str(Path(one.path).resolve()) in changed)
            or (code and (types is None or bool(self.types.get(one.origin, types) & types)))
        ]

    def _round(self, changed: str, histories: list[StoredHistory]) -> None:
        began = time.monotonic()
        results, failed = self.nursery.results(self._options(), histories)
        failure = failed.failure if failed is not None else ""
        if failed is not None and failed.died:
            results, failure = self._carefully(histories, failure)
        for result in results:
            origin = result.history.partition("#")[0]
            self.types.setdefault(origin, set()).add(result.workflow_type)
            if result.verdict.passes:
                self.failing.pop(result.history, None)
            else:
                self.failing[result.history] = result
        self._tell(changed, histories, results, failure, time.monotonic() - began)

    def _options(self) -> WorkerOptions:
        from wfctl.replay.messages import WorkerOptions

        wanted = self.wanted
        return WorkerOptions(
            targets=tuple(wanted["targets"]),
            search=tuple(wanted.get("path", ())),
            types=tuple(wanted.get("type", ())),
            skip_unregistered=wanted.get("skip_unregistered", False),
        )

    def _carefully(self, histories: list[StoredHistory], failure: str) -> tuple[list[Result], str]:
        """A history that hangs or ends its process takes the whole round with it: then each gets a verdict the slow way."""
        from wfctl.replay.checker import Checker, CheckOptions
        from wfctl.replay.messages import LoadFailure

        options = CheckOptions(
            self._options(), self.wanted.get("jobs", 0), self.wanted.get("timeout", 120.0)
        )  # fmt: skip
        try:
            return list(Checker(options).results(iter(histories))), ""
        except LoadFailure:
            return [], failure

    def _tell(
        self, changed: str, histories: list[StoredHistory], results: list[Result], failure: str, seconds: float
    ) -> None:
        from wfctl.replay.model import Summary
        from wfctl.replay.report import jsonreport
        from wfctl.replay.report.text import TextReport

        out = self.opened.out
        if changed:
            what = f"{len(histories)} of {len(self.stored)} histories"
            out.line(out.paint(f"── {changed} changed: {what}", "bold"))
        if failure:
            out.line(f"{out.paint('error', 'red')}: {failure}")
            out.value({"changed": changed, "error": failure})
            out.flush()
            return
        text = TextReport(out, quiet=self.quiet or bool(changed))
        for result in results:
            text.result(result)
            if out.format == "jsonl":
                out.value(jsonreport.result(result))
        summary = Summary.of(results, seconds)
        text.summary(summary)
        others = [name for name in self.failing if all(name != result.history for result in results)]
        if others:
            out.line(f"{len(others)} others fail as before: {', '.join(others[:5])}{' …' if len(others) > 5 else ''}")
        document: dict[str, Any] = {"changed": changed, "summary": jsonreport.summary(summary)}
        if out.format == "json":
            document["results"] = [jsonreport.result(one) for one in results]
        out.value(document)
        out.flush()


def _stamp(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _shown(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd())) or "."
    except ValueError:
        return path
