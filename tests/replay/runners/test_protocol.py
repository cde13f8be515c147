"""The runner protocol, with runners of a few lines: what they may do wrong never ends the check."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.replay.building import clean_environment, one_activity

pytestmark = pytest.mark.timeout(120)

HELLO = '{"wfctl": "hello", "protocol": 1, "workflows": ["Greeting"]}'
RUNNER = """\
import json, os, sys, time
print({hello!r}, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    name = message["workflow_id"]
    verdict = {{"wfctl": "verdict", "number": message["number"], "verdict": "compatible"}}
    assert message["history"]["events"][0]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"
{body}
    print(json.dumps(verdict), flush=True)
"""


class Check:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.names = ["one", "two", "three"]

    def __call__(self, body: str = "", *flags: str, hello: str = HELLO) -> tuple[int, dict[str, dict[str, Any]], str]:
        (self.directory / "runner.py").write_text(RUNNER.format(hello=hello, body=body or "    pass"))
        histories = self.directory / "histories"
        histories.mkdir(exist_ok=True)
        for name in self.names:
            (histories / f"{name}.json").write_text(json.dumps({"events": one_activity(workflow_id=name)}))
        command = [sys.executable, "-m", "wfctl", "replay", "check", "--runner", f"{sys.executable} runner.py"]
        done = subprocess.run(
            [*command, "--histories", "histories", "-o", "json", *flags],
            cwd=self.directory,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        results = json.loads(done.stdout)["results"] if done.stdout else []
        return done.returncode, {Path(one["history"]).stem: one for one in results}, done.stderr


@pytest.fixture
def check(tmp_path: Path) -> Check:
    return Check(tmp_path)


def test_a_runner_of_ones_own_judges(check: Check) -> None:
    code, results, stderr = check()
    assert (code, {one["verdict"] for one in results.values()}) == (0, {"compatible"}), stderr
    assert results["one"]["judged_to_event_id"] == 11


def test_what_code_prints_is_no_message(check: Check) -> None:
    code, _, stderr = check('    print("{\\"not\\": 1}\\n{broken\\nhello")')
    assert code == 0, stderr


def test_event_and_command_of_a_verdict_become_a_finding(check: Check) -> None:
    verdict = {
        "verdict": "nondeterminism",
        "message": "no",
        "event_id": 5,
        "command": {"kind": "START_TIMER", "id": "7"},
    }
    code, results, _ = check(f"    verdict.update({verdict!r})")
    assert code == 10
    (finding,) = results["one"]["findings"]
    assert (finding["rule"], finding["event_id"], finding["event_type"]) == ("timer-added", 5, "ActivityTaskScheduled")
    assert (finding["recorded"]["name"], finding["produced"]["kind"]) == ("greet", "START_TIMER")


def test_a_runner_that_dies_is_started_anew(check: Check) -> None:
    code, results, _ = check('    if name == "two": print("bye", file=sys.stderr); os._exit(3)', "--jobs", "1")
    assert code == 11
    assert [results[name]["verdict"] for name in check.names] == ["compatible", "workflow_error", "compatible"]
    assert "exit code 3" in results["two"]["detail"]
    assert "its last words: bye" in results["two"]["detail"]


def test_a_runner_that_is_killed_is_trouble_of_the_machine(check: Check) -> None:
    code, results, _ = check('    if name == "two": os.kill(os.getpid(), 9)')
    assert (code, results["two"]["verdict"]) == (16, "infrastructure")
    assert "SIGKILL" in results["two"]["detail"]


def test_a_runner_that_does_not_answer_is_ended(check: Check) -> None:
    body = '    open(f"{name}.pid", "w").write(str(os.getpid()))\n    while name == "two": time.sleep(1)'
    code, results, _ = check(body, "--timeout", "2")
    assert (code, results["two"]["verdict"]) == (14, "timeout")
    assert [results[name]["verdict"] for name in ("one", "three")] == ["compatible", "compatible"]
    pid = (check.directory / "two.pid").read_text()
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


@pytest.mark.parametrize(
    "body", ['    verdict["verdict"] = "fine"', '    verdict["number"] = 99', "    verdict = {'wfctl': 'hi'}"]
)
def test_an_answer_that_is_none_is_trouble_of_the_runner(check: Check, body: str) -> None:
    code, results, _ = check(body)
    assert (code, {one["verdict"] for one in results.values()}) == (16, {"infrastructure"})


def test_a_type_the_runner_does_not_have_is_unregistered_without_asking_it(check: Check) -> None:
    code, results, _ = check("    os._exit(9)", hello=HELLO.replace("Greeting", "Other"))
    assert (code, results["one"]["verdict"]) == (12, "unregistered")
    assert "@workflow" not in results["one"]["findings"][0]["fix"]


@pytest.mark.parametrize(
    ("hello", "said"),
    [
        (HELLO.replace("1", "2"), "the runner speaks protocol 2; this wfctl speaks 1"),
        ('{"wfctl": "failure", "message": "no such thing", "location": {"file": "a.ts", "line": 3}}', "no such thing at a.ts:3"),
        ("nothing at all", "before it said hello"),
    ],
)  # fmt: skip
def test_a_runner_that_cannot_load_the_code_ends_the_check(check: Check, hello: str, said: str) -> None:
    code, _, stderr = check("", hello=hello) if "wfctl" in hello else check("    pass\nsys.exit(1)", hello=hello)
    assert code == 17
    assert said in stderr


def test_a_runner_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text(json.dumps({"events": one_activity()}))
    done = subprocess.run(
        [sys.executable, "-m", "wfctl", "replay", "check", "--runner", "./nowhere", "--histories", "h.json"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 17
    assert "the runner cannot be started" in done.stderr


def test_a_language_without_a_runner_is_a_mistake(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wfctl", "replay", "check", "--lang", "cobol", "x", "--histories", "."],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "python, ts, go, java" in done.stderr
