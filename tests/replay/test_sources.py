"""Histories from a live server and from its database file, also of a stopped server; chains; choosing among many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.replay.building import GREETING, Finished, Project, as_json, event, one_activity
from tests.support.server import Server, running_server
from wfctl.errors import UsageMistake
from wfctl.replay.server_source import visibility_query
from wfctl.replay.sources import Selection, choose, status_name

with workflow.unsafe.imports_passed_through():
    from datetime import UTC, datetime, timedelta

CODE = (
    GREETING
    + """

@workflow.defn
class Relay:
    @workflow.run
    async def run(self, left: int) -> int:
        if left:
            workflow.continue_as_new(left - 1)
        return await workflow.execute_child_workflow("Leaf", id=workflow.info().workflow_id + "-leaf")


@workflow.defn
class Leaf:
    @workflow.run
    async def run(self) -> int:
        return 1
"""
)


@workflow.defn(name="Greeting")
class Greeting:
    @workflow.run
    async def run(self, name: str) -> str:
        result: str = await workflow.execute_activity("greet", name, start_to_close_timeout=timedelta(seconds=5))
        return result


@workflow.defn(name="Relay")
class Relay:
    @workflow.run
    async def run(self, left: int) -> int:
        if left:
            workflow.continue_as_new(left - 1)
        result: int = await workflow.execute_child_workflow("Leaf", id=workflow.info().workflow_id + "-leaf")
        return result


@workflow.defn(name="Leaf")
class Leaf:
    @workflow.run
    async def run(self) -> int:
        return 1


@activity.defn
async def greet(name: str) -> str:
    return f"Hello, {name}"


async def record(address: str) -> None:
    """Three greetings, one of them open, and a relay of three runs with a child."""
    client = await Client.connect(address)
    async with Worker(
        client, task_queue="queue", workflows=[Greeting, Relay, Leaf], activities=[greet],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):  # fmt: skip
        for number in range(3):
            await client.execute_workflow("Greeting", "Ada", id=f"greeting-{number}", task_queue="queue")
        await client.execute_workflow("Relay", 2, id="relay", task_queue="queue")
    await client.start_workflow("Greeting", "Bob", id="greeting-open", task_queue="queue")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a database file on which the runs have been made."""
    directory = tmp_path_factory.mktemp("server")
    with running_server(directory, options=("--db-filename", str(directory / "runs.db"))) as server:
        asyncio.run(record(server.address))
        yield server


@pytest.fixture
def code(project: Project) -> Project:
    project.write("code.py", CODE)
    return project


def database(server: Server) -> str:
    return str(server.log.parent / "runs.db")


def ids(done: Finished) -> list[str]:
    return [one["workflow_id"] for one in done.results]


def test_runs_of_a_server_are_found_by_query(code: Project, recorded: Server) -> None:
    done = code.check(
        "code.py", "--query", "WorkflowType='Greeting' AND ExecutionStatus='Completed'", "--address", recorded.address
    )
    assert (done.code, done.verdicts) == (0, ["compatible"] * 3), done
    assert sorted(ids(done)) == ["greeting-0", "greeting-1", "greeting-2"]
    assert all(one["history"] == f"server:{one['workflow_id']}/{one['run_id']}" for one in done.results)


def test_filters_make_the_query(code: Project, recorded: Server) -> None:
    address = ("--address", recorded.address)
    assert ids(code.check("code.py", "--type", "Greeting", "--status", "running", *address)) == ["greeting-open"]
    assert len(ids(code.check("code.py", "--since", "1h", "--limit", "2", *address))) == 2
    per_type = code.check(
        "code.py", "--type", "Greeting", "--type", "Leaf", "--limit", "1", "--per-type", "1", *address
    )
    assert {one["workflow_type"] for one in per_type.results} == {"Greeting", "Leaf"}
    assert "matching runs are taken" in per_type.err


def test_a_sample_is_the_same_for_the_same_seed(code: Project, recorded: Server) -> None:
    call = ("code.py", "--sample", "3", "--seed", "7", "--address", recorded.address)
    first = code.check(*call)
    assert len(first.results) == 3
    assert ids(first) == ids(code.check(*call))


def test_one_workflow_by_id_and_run(code: Project, recorded: Server) -> None:
    done = code.check("code.py", "-w", "greeting-1", "--address", recorded.address)
    assert (done.verdicts, ids(done)) == (["compatible"], ["greeting-1"])
    again = code.check("code.py", "-w", "greeting-1", "-r", done.results[0]["run_id"], "--address", recorded.address)
    assert again.results[0]["run_id"] == done.results[0]["run_id"]


def test_a_workflow_that_is_not_there_is_named(code: Project, recorded: Server) -> None:
    done = code.check("code.py", "-w", "nobody", "-w", "greeting-1", "--address", recorded.address)
    assert done.verdicts == ["infrastructure", "compatible"]
    assert "could not be downloaded" in done.results[0]["detail"]
    assert done.code == 16


def test_a_server_that_is_not_there_ends_the_check(code: Project) -> None:
    done = code.check("code.py", "--query", "x=1", "--address", "127.0.0.1:1", "--client-connect-timeout", "1s")
    assert done.code == 4
    assert "127.0.0.1:1" in done.err


def test_a_bad_query_ends_the_check_with_the_server_s_words(code: Project, recorded: Server) -> None:
    done = code.check("code.py", "--query", "Nonsense ==", "--address", recorded.address)
    assert done.code == 1
    assert done.err.startswith("error:")


def test_chain_follows_continued_runs_and_children(code: Project, recorded: Server) -> None:
    first = code.check("code.py", "-w", "relay", "--address", recorded.address)
    assert ids(first) == ["relay"]
    chained = code.check("code.py", "-w", "relay", "--chain", "--address", recorded.address)
    assert ids(chained) == ["relay", "relay-leaf"]
    oldest = code.check("code.py", "--query", "WorkflowId='relay' AND ExecutionStatus='ContinuedAsNew'", "--limit", "0",
                        "--chain", "--address", recorded.address)  # fmt: skip
    assert sorted(ids(oldest)) == ["relay", "relay", "relay", "relay-leaf"]
    assert len({one["run_id"] for one in oldest.results}) == 4


def test_status_and_mutate_take_what_check_takes(code: Project, recorded: Server) -> None:
    """A server by query or id, with the runs these lead to; a database file; stdin."""
    live, file = ("--address", recorded.address), ("--database", database(recorded))

    def counted(*source: str, stdin: bytes = b"") -> dict[str, int]:
        done = code.run("replay", "status", "code.py", *source, "-o", "json", stdin=stdin)
        assert done.code == 0, done.err
        return {one["type"]: one["histories"] for one in done.document["types"]}

    assert counted("--type", "Greeting", *live) == {"Greeting": 4, "Relay": 0, "Leaf": 0}
    assert counted("-w", "relay", "--chain", *live) == {"Greeting": 0, "Relay": 1, "Leaf": 1}
    assert counted(*file) == {"Greeting": 4, "Relay": 3, "Leaf": 1}
    assert counted("--status", "Running", *file) == {"Greeting": 1, "Relay": 0, "Leaf": 0}
    assert counted("-H", "-", stdin=as_json(one_activity()).encode()) == {"Greeting": 1, "Relay": 0, "Leaf": 0}
    for source in (live, file):
        done = code.run("replay", "mutate", "code.py", "--type", "Leaf", "--type", "Relay", *source, "-o", "json")
        assert (done.code, done.document["summary"]["caught"] > 0) == (0, True), done.err


def test_a_database_file_is_read_while_its_server_runs(code: Project, recorded: Server) -> None:
    done = code.check("code.py", "--database", database(recorded))
    assert (done.code, set(done.verdicts)) == (0, {"compatible"}), done
    assert len(done.results) == 8
    assert ids(code.check("code.py", "--database", database(recorded), "--status", "Running")) == ["greeting-open"]
    assert len(ids(code.check("code.py", "--database", database(recorded), "--type", "Greeting", "--limit", "2"))) == 2
    chained = code.check("code.py", "--database", database(recorded), "-w", "relay", "--chain")
    assert ids(chained) == ["relay", "relay-leaf"]


def test_a_database_file_of_a_stopped_server_is_read_and_left_alone(code: Project, tmp_path: Path) -> None:
    file = tmp_path / "stopped" / "runs.db"
    file.parent.mkdir()
    with running_server(file.parent, options=("--db-filename", str(file))) as server:
        asyncio.run(record(server.address))
    before = file.read_bytes()
    file.chmod(0o444)
    file.parent.chmod(0o555)
    try:
        done = code.check("code.py", "--database", str(file))
        assert (done.code, set(done.verdicts)) == (0, {"compatible"})
        assert file.read_bytes() == before
    finally:
        file.parent.chmod(0o755)


def test_what_is_no_database_is_said_so(code: Project) -> None:
    code.write("x.db", "hello, I am no database, and long enough to be looked at as one" * 20)
    done = code.check("code.py", "--database", "x.db")
    assert done.code == 1
    assert "x.db is not a wfctl database" in done.err
    assert code.check("code.py", "--database", "missing.db").code == 3
    assert "--query needs a server" in code.check("code.py", "--database", "x.db", "--query", "a=1").err


# Chains through files.


def test_chain_finds_the_next_run_beside_the_file_and_names_what_is_missing(code: Project) -> None:
    first = [
        *one_activity(run_id="run-1")[:10],
        event(11, "WorkflowExecutionContinuedAsNew", newExecutionRunId="run-2"),
    ]
    first[10]["workflowExecutionContinuedAsNewEventAttributes"]["workflowType"] = {"name": "Greeting"}
    second = [
        *one_activity(run_id="run-2")[:10],
        event(11, "WorkflowExecutionContinuedAsNew", newExecutionRunId="run-3"),
    ]
    code.write("h/a.json", as_json(first))
    code.write("h/b.json", as_json(second))
    done = code.check("code.py", "-H", "h/a.json", "--chain")
    assert [(one["history"], one["run_id"]) for one in done.results] == [
        ("h/a.json", "run-1"),
        ("h/b.json", "run-2"),
        ("continued:greeting-1/run-3", "run-3"),
    ]
    assert done.verdicts[2] == "skipped"
    assert "h/b.json leads to this continued" in done.results[2]["detail"]


# Pure.


def taken(selection: Selection, runs: list[str]) -> list[str]:
    return list(choose(runs, selection, lambda run: run[0], notes.append))


notes: list[str] = []


def test_choosing_by_limit_takes_the_newest_and_says_so() -> None:
    notes.clear()
    assert taken(Selection(limit=2), ["a1", "a2", "b1"]) == ["a1", "a2"]
    assert notes == ["note: the newest 2 are taken; more match (--limit)"]


def test_a_minimum_for_each_type_adds_to_the_limit() -> None:
    runs = ["a1", "a2", "a3", "b1", "b2", "c1"]
    assert taken(Selection(limit=3, per_type=1), runs) == ["a1", "a2", "a3", "b1", "c1"]
    notes.clear()
    assert taken(Selection(limit=1, per_type=2), runs) == ["a1", "a2", "b1", "b2", "c1"]
    assert notes[0].startswith("note: only 1 of type c match")


def test_sampling_keeps_the_order() -> None:
    runs = [f"a{number:02}" for number in range(50)]
    some = taken(Selection(sample=10, seed=1), runs)
    assert len(some) == 10
    assert some == sorted(some)
    assert some != taken(Selection(sample=10, seed=2), runs)


def test_a_status_is_known_however_it_is_written() -> None:
    assert [status_name(text) for text in ("running", "TIMED_OUT", "continued-as-new", "cancelled")] == [
        "Running", "TimedOut", "ContinuedAsNew", "Canceled",
    ]  # fmt: skip
    with pytest.raises(UsageMistake):
        status_name("done")


def test_the_query_quotes_what_was_typed() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    selection = Selection(query="A=1 OR B=2", types=("It's",), statuses=("Running",), since=moment)
    assert visibility_query(selection) == (
        "(A=1 OR B=2) AND WorkflowType IN ('It\\'s') AND ExecutionStatus IN ('Running')"
        " AND StartTime >= '2026-01-02T00:00:00Z'"
    )


# Settings.


def test_defaults_come_from_pyproject_and_paths_are_relative_to_it(code: Project) -> None:
    code.write("histories/one.json", as_json(one_activity()))
    code.write("pyproject.toml", '[tool.wfctl.replay]\ntargets = "code.py"\nhistories = "histories"\n')
    done = code.check()
    assert (done.code, done.verdicts) == (0, ["compatible"])


def test_the_command_line_wins_and_a_typed_source_replaces_those_of_the_file(code: Project) -> None:
    code.write("wfctl.yaml", "replay:\n  targets: [code.py]\n  histories: nowhere\n  jobs: 1\n")
    code.write("other/one.json", json.dumps({"events": one_activity()}))
    assert code.check("-H", "other").verdicts == ["compatible"]


@pytest.mark.parametrize(("text", "said"), [
    ("replay:\n  target: x\n", "there is no replay setting 'target'\nhint: did you mean 'targets'?"),
    ("replay:\n  jobs: many\n", "jobs must be a whole number, not 'many'"),
    ("replay:\n  jobs: -1\n", "jobs must be a whole number, not -1"),
    ("replay:\n  histories: [1]\n", "histories must be a string or a list of strings, not [1]"),
    ("replay: [x]\n", "the replay settings are not a table"),
    ("replay: {\n", "cannot be read"),
])  # fmt: skip
def test_a_mistake_in_the_settings_is_a_usage_mistake(code: Project, text: str, said: str) -> None:
    code.write("wfctl.yaml", text)
    done = code.check("code.py", "-H", ".")
    assert done.code == 2
    assert said in done.err
    assert "\nhint: " in done.err


@pytest.mark.parametrize("text", [b"[tool]\nwfctl = 3\n", b"[tool.wfctl\n", b"\xff\xfe\x00"])
def test_a_broken_pyproject_is_no_traceback(code: Project, text: bytes) -> None:
    (code.root / "pyproject.toml").write_bytes(text)
    done = code.check("code.py", "-H", ".")
    assert (done.code, done.err.startswith("error: "), "\nhint: " in done.err) == (2, True, True)


def test_a_corpus_is_recorded_from_a_server_or_its_file_with_every_outcome(code: Project, recorded: Server) -> None:
    expected = {("Greeting", "Completed", 3), ("Greeting", "Running", 1), ("Leaf", "Completed", 1)}
    expected |= {("Relay", "Completed", 1), ("Relay", "ContinuedAsNew", 2)}
    for name, source in (("live", ("--address", recorded.address)), ("file", ("--database", database(recorded)))):
        done = code.run("replay", "record", *source, "--to", name, "-o", "json")
        assert done.code == 0, done.err
        manifest = json.loads((code.root / name / "wfctl-corpus.json").read_text())
        found = {(one["workflow_type"], one["outcome"], one["stands_for"]) for one in manifest["histories"]}
        assert found == expected
        assert set(code.check("code.py", "--histories", name).verdicts) == {"compatible"}
        again = code.run("replay", "refresh", name, *source[:2] if name == "live" else (), "-o", "json")
        assert (again.document["added"], again.document["renewed"]) == ([], [])
