"""`wfctl replay check --watch`: saves, and what is replayed again."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.replay.building import GREETING, Project, clean_environment, one_activity
from wfctl.replay.lint.imports import files_of

PARTING = GREETING.replace("Greeting", "Parting").replace('"greet"', "GESTURE").replace(
    "from temporalio import workflow\n", "from temporalio import workflow\n\nfrom gestures import GESTURE\n"
)  # fmt: skip


class Watching:
    """A running `--watch`; what it says comes line by line."""

    def __init__(self, project: Project, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wfctl", "replay", "check", *args, "--watch", "-o", "jsonl"],
            cwd=project.root,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[Any] = queue.Queue()
        self._watches = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._narration, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def _narration(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("watching"):
                self._watches.set()

    def wait_until_it_watches(self) -> None:
        assert self._watches.wait(60)

    def round(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The next round's end, and its results."""
        results: list[dict[str, Any]] = []
        while True:
            value = self._lines.get(timeout=60)
            if "changed" in value:
                return value, results
            results.append(value)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def save(project: Project, name: str, text: str) -> None:
    """As many editors do: the file is never seen half written."""
    os.replace(project.write(f".{name}.tmp", text), project.root / name)


@pytest.fixture
def both(project: Project) -> Project:
    """Two workflows, one of which imports a module of its own."""
    project.write("greeting.py", GREETING)
    project.write("parting.py", PARTING)
    project.write("gestures.py", 'GESTURE = "greet"\n')
    project.history("greeting.json")
    project.history("parting.json", one_activity("Parting", "parting-1", "run-2"))
    return project


@pytest.fixture
def watching(both: Project) -> Iterator[Watching]:
    running = Watching(both, "greeting", "parting", "-H", "histories")
    yield running
    if running.process.poll() is None:
        running.stop()
    for stream in (running.process.stdout, running.process.stderr):
        assert stream is not None
        stream.close()


def test_a_save_replays_what_it_can_touch_and_only_that(both: Project, watching: Watching) -> None:
    end, results = watching.round()
    assert (end["changed"], len(results)) == ("", 2)
    watching.wait_until_it_watches()

    save(both, "gestures.py", 'GESTURE = "greet"  # saved\n')
    end, results = watching.round()
    assert end["changed"] == "gestures.py"
    assert [(one["workflow_type"], one["verdict"]) for one in results] == [("Parting", "compatible")]

    broken = GREETING.replace("return await", "await workflow.sleep(5)\n        return await")
    save(both, "greeting.py", broken)
    end, results = watching.round()
    assert end["changed"] == "greeting.py"
    assert [(one["workflow_type"], one["verdict"]) for one in results] == [("Greeting", "nondeterminism")]

    save(both, "greeting.py", "import nothing_like_it\n")
    end, results = watching.round()
    assert "nothing_like_it" in end["error"]

    save(both, "greeting.py", GREETING)
    end, results = watching.round()
    assert "Greeting" in {one["workflow_type"] for one in results}
    assert {one["verdict"] for one in results} == {"compatible"}

    both.history("another.json", one_activity("Parting", "parting-2", "run-3"))
    end, results = watching.round()
    assert [one["history"] for one in results] == ["histories/another.json"]
    assert watching.stop() == 130


def test_a_history_that_ends_its_process_does_not_end_the_watch(both: Project, watching: Watching) -> None:
    watching.round()
    watching.wait_until_it_watches()
    leaving = GREETING.replace("return await", "import os; os._exit(3)\n        return await").replace(
        "@workflow.defn", "@workflow.defn(sandboxed=False)"
    )
    save(both, "greeting.py", leaving)
    _, results = watching.round()
    assert [one["verdict"] for one in results] == ["workflow_error"]
    save(both, "greeting.py", GREETING)
    _, results = watching.round()
    assert [one["verdict"] for one in results] == ["compatible"]


def test_the_files_of_a_workflow_are_its_modules_and_what_they_import(
    both: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(both.root)
    files = files_of(["greeting", "parting"])
    assert files.touched({str(both.root / "gestures.py")}) == {"Parting"}
    assert files.touched({str(both.root / "greeting.py")}) == {"Greeting"}
    assert files.touched({str(both.root / "unrelated.py")}) == set()


def test_a_workers_set_up_touches_every_workflow(both: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    both.write(
        "make.py",
        "from temporalio.worker import Replayer\nfrom greeting import Greeting\nfrom parting import Parting\n"
        "import converting\n\ndef make():\n    return Replayer(workflows=[Greeting, Parting])\n",
    )
    both.write("converting.py", "")
    monkeypatch.chdir(both.root)
    files = files_of(["make:make"])
    assert files.touched({str(both.root / "converting.py")}) is None
    assert files.touched({str(both.root / "gestures.py")}) == {"Parting"}
