"""`pytest --wfctl-replay`, as another project's pytest run sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.replay.building import Finished, Project, clean_environment, event, one_activity


def slept(run_id: str = "run-2") -> list[dict[str, Any]]:
    """A run that slept where the code now greets."""
    before, after = one_activity(workflow_id="greeting-2", run_id=run_id)[:4], one_activity()[7:]
    timer = [
        event(5, "TimerStarted", timerId="1", startToFireTimeout="5s", workflowTaskCompletedEventId="4"),
        event(6, "TimerFired", timerId="1", startedEventId="5"),
        event(7, "WorkflowExecutionSignaled", signalName="unrelated"),
    ]
    return [*before, *timer, *after]


PLUGIN = "wfctl.replay.pytest_plugin"


def run_pytest(project: Project, *args: str, plugin: bool = True) -> Finished:
    installed = any(entry.value == PLUGIN for entry in entry_points(group="pytest11"))
    load = ["-p", PLUGIN] if plugin and not installed else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *load, *args],
        cwd=project.root,
        env=clean_environment(PYTEST_ADDOPTS=""),
        capture_output=True,
        timeout=90,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def with_break(greeting: Project) -> Project:
    """One history that fits, one that does not."""
    greeting.history("two.json", slept())
    greeting.write("pyproject.toml", '[tool.wfctl.replay]\ntargets = "greeting"\nhistories = "histories"\n')
    return greeting


def test_each_history_is_a_test_and_the_diagnosis_is_its_failure(with_break: Project) -> None:
    ran = run_pytest(with_break, "--wfctl-replay", "-v")
    assert ran.code == 1
    assert "wfctl-replay::histories/one.json PASSED" in ran.out
    assert "wfctl-replay::histories/two.json FAILED" in ran.out
    assert "nondeterminism Greeting" in ran.out
    assert "TimerStarted" in ran.out
    assert "Traceback" not in ran.out


def test_targets_and_histories_can_be_named_on_the_command_line(greeting: Project) -> None:
    ran = run_pytest(
        greeting, "--wfctl-replay", "--wfctl-target", "greeting:Greeting", "--wfctl-histories", "histories/one.json"
    )
    assert ran.code == 0, ran.out + ran.err
    assert "1 passed" in ran.out


def test_own_tests_run_beside_and_the_marker_selects(with_break: Project) -> None:
    with_break.write("test_own.py", "def test_own():\n    pass\n")
    assert "1 failed, 2 passed" in run_pytest(with_break, "--wfctl-replay").out
    assert "1 failed, 1 passed, 1 deselected" in run_pytest(with_break, "--wfctl-replay", "-m", "wfctl_replay").out
    assert "1 passed, 2 deselected" in run_pytest(with_break, "--wfctl-replay", "-k", "one.json").out


def test_histories_are_spread_over_the_workers_of_xdist(with_break: Project) -> None:
    for number in range(3, 7):
        events = one_activity(workflow_id=f"greeting-{number}", run_id=f"run-{number}")
        with_break.history(f"{number}.json", events)
    ran = run_pytest(with_break, "--wfctl-replay", "-n", "2", "-p", "xdist")
    assert "1 failed, 5 passed" in ran.out
    assert "nondeterminism Greeting" in ran.out


def test_a_file_of_several_histories_is_several_tests(greeting: Project) -> None:
    lines = [{"events": one_activity()}, {"events": slept()}]
    greeting.write("many.jsonl", "\n".join(json.dumps(line) for line in lines))
    ran = run_pytest(greeting, "--wfctl-replay", "--wfctl-target", "greeting", "--wfctl-histories", "many.jsonl", "-v")
    assert "wfctl-replay::many.jsonl PASSED" in ran.out
    assert "wfctl-replay::many.jsonl#2 FAILED" in ran.out


def test_an_import_error_is_told_as_theirs(with_break: Project) -> None:
    with_break.write("greeting.py", "import missing_thing\n")
    ran = run_pytest(with_break, "--wfctl-replay")
    assert "2 failed" in ran.out
    assert "No module named 'missing_thing' at greeting.py:1" in ran.out


def test_junit_holds_the_diagnosis(with_break: Project) -> None:
    run_pytest(with_break, "--wfctl-replay", "--junitxml", "out.xml")
    suite = ElementTree.parse(with_break.root / "out.xml").getroot()[0]
    failures = [case.find("failure") for case in suite]
    assert [failure is not None and "TimerStarted" in (failure.text or "") for failure in failures] == [False, True]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no code was named"),
        (("--wfctl-target", "greeting"), "no histories were named"),
        (("--wfctl-target", "greeting", "--wfctl-histories", "nowhere"), "there is no file or directory 'nowhere'"),
        (("--wfctl-target", "greeting", "--wfctl-histories", "empty"), "there are no histories to replay"),
    ],
)
def test_without_code_or_histories_the_run_is_refused(project: Project, args: tuple[str, ...], said: str) -> None:
    (project.root / "empty").mkdir()
    ran = run_pytest(project, "--wfctl-replay", *args)
    assert ran.code == 4
    assert said in ran.out + ran.err


def test_other_users_of_pytest_import_nothing_of_it() -> None:
    script = (
        "import sys, pytest; before = set(sys.modules); import wfctl.replay.pytest_plugin;"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=clean_environment())
    assert done.stdout.decode().strip() == "['wfctl', 'wfctl.replay', 'wfctl.replay.pytest_plugin']"
