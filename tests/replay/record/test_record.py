"""Recording a corpus, refreshing it, and what becomes of payloads."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.replay.building import Finished, Project, event, one_activity, payload

CORPUS = Path(__file__).parents[1] / "corpus" / "histories"

BRANCHING = """\
from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Greeting:
    @workflow.run
    async def run(self, person: dict) -> str:
        if person["rank"] == "general":
            await workflow.sleep(5)
        return await workflow.execute_activity("greet", person["name"], start_to_close_timeout=timedelta(seconds=5))
"""


def record(project: Project, *args: str) -> Finished:
    return project.run("replay", "record", *args, "-o", "json", "--to", "kept")


def manifest(project: Project) -> Any:
    return json.loads((project.root / "kept" / "wfctl-corpus.json").read_text())


def texts(file: Path) -> list[str]:
    """Everything that the payloads of a history hold."""
    found: list[str] = []

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("data"), str):
                found.append(base64.b64decode(value["data"]).decode())
            for item in value.values():
                visit(item)
        elif isinstance(value, list):
            for item in value:
                visit(item)

    visit(json.loads(file.read_text()))
    return found


def test_one_history_of_each_path_is_written_with_a_manifest(project: Project) -> None:
    for number in range(3):
        project.history(f"{number}.json", one_activity(workflow_id=f"g-{number}", run_id=f"r-{number}"))
    project.history("open.json", one_activity(workflow_id="open", run_id="r-open")[:7])
    done = record(project, "-H", "histories")
    assert done.code == 0, done.err
    assert len(done.document["added"]) == 2
    entries = {entry["outcome"]: entry for entry in manifest(project)["histories"]}
    assert entries["Completed"]["stands_for"] == 3
    assert entries["Running"]["file"] == done.document["added"][1]
    assert manifest(project)["seen"] == 4
    assert manifest(project)["origin"] == "histories"


def test_what_is_recorded_replays_and_the_manifest_is_not_taken_for_a_history(greeting: Project) -> None:
    record(greeting, "-H", "histories")
    checked = greeting.check("greeting", "--histories", "kept")
    assert checked.verdicts == ["compatible"]


def test_paths_beyond_the_limit_are_named_as_not_covered(project: Project) -> None:
    shutil.copytree(CORPUS, project.root / "histories", ignore=shutil.ignore_patterns("batch*"))
    done = record(project, "-H", "histories", "--per-type", "2")
    assert done.code == 0
    left = [one for one in manifest(project)["not_covered"] if one["workflow_type"] == "OrderSaga"]
    assert len(left) == 5
    assert {entry["outcome"] for entry in manifest(project)["histories"] if entry["workflow_type"] == "Approval"} > {
        "Completed"
    }


def test_recording_over_a_corpus_is_refused(greeting: Project) -> None:
    assert record(greeting, "-H", "histories").code == 0
    again = record(greeting, "-H", "histories")
    assert again.code == 1
    assert "`wfctl replay refresh kept` updates it" in again.err


def test_nothing_to_record_is_a_failure(project: Project) -> None:
    project.write("histories/bad.json", '{"events": [{"eventId": "7", "eventType": "TimerFired"}]}')
    done = record(project, "-H", "histories")
    assert done.code == 1
    assert "there is no history to record" in done.err


def test_refreshing_adds_new_paths_and_keeps_those_that_are_gone(project: Project) -> None:
    project.history("one.json")
    record(project, "-H", "histories")
    (project.root / "histories" / "one.json").unlink()
    project.history("open.json", one_activity(workflow_id="open", run_id="r-open")[:7])
    done = project.run("replay", "refresh", "kept", "-o", "json")
    assert done.code == 0, done.err
    assert len(done.document["added"]) == 1
    assert len(done.document["unseen"]) == 1
    assert len(manifest(project)["histories"]) == 2

    pruned = project.run("replay", "refresh", "kept", "--prune", "-o", "json")
    assert len(pruned.document["pruned"]) == 1
    assert [entry["outcome"] for entry in manifest(project)["histories"]] == ["Running"]
    assert len(list((project.root / "kept").rglob("*.json"))) == 2


def test_refreshing_what_has_not_changed_changes_nothing(project: Project) -> None:
    project.history("one.json")
    record(project, "-H", "histories")
    done = project.run("replay", "refresh", "kept", "-o", "json")
    assert (done.document["added"], done.document["renewed"]) == ([], [])


def general(rank: str, *, slept: bool) -> list[dict[str, Any]]:
    events = one_activity(workflow_id=f"greeting-{slept}", run_id=f"run-{slept}")
    person = {"rank": rank, "name": "Ada Lovelace", "pin": 12, "card": "4111111111111111", "born": "1815-12-10"}
    events[0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"] = [payload(person)]
    events[4]["activityTaskScheduledEventAttributes"]["input"]["payloads"] = [payload("Ada Lovelace")]
    if not slept:
        return events
    timer = [
        event(5, "TimerStarted", timerId="1", startToFireTimeout="5s", workflowTaskCompletedEventId="4"),
        event(6, "TimerFired", timerId="1", startedEventId="5"),
    ]
    return [*events[:4], *timer]


def test_redaction_takes_names_out_and_leaves_what_the_code_decides_by(project: Project) -> None:
    project.write("greeting.py", BRANCHING)
    project.history("general.json", general("general", slept=True))
    project.history("private.json", general("private", slept=False))
    done = record(project, "greeting", "-H", "histories", "--payloads", "redacted")
    assert done.code == 0, done.err
    found = [text for name in done.document["added"] for text in texts(project.root / "kept" / name)]
    assert not any("Lovelace" in text or "4111" in text for text in found)
    people = [json.loads(text) for text in found if "rank" in text]
    assert {person["rank"] for person in people} >= {"general"}
    assert {(person["pin"], person["born"]) for person in people} == {(12, "1815-12-10")}
    greeted = [json.loads(text) for text in found if text.count(" ") == 1 and "rank" not in text]
    assert people[0]["name"] in greeted
    checked = project.check("greeting", "--histories", "kept")
    assert checked.verdicts == ["compatible", "compatible"]


def test_a_history_that_does_not_replay_once_redacted_is_left_out_and_said_so(project: Project) -> None:
    decides = BRANCHING.replace('person["rank"] == "general"', 'person["rank"] == "gen" + "eral"')
    project.write("greeting.py", decides)
    project.history("general.json", general("general", slept=True))
    project.history("private.json", general("private", slept=False))
    done = record(project, "greeting", "-H", "histories", "--payloads", "redacted")
    assert len(done.document["added"]) == 1
    (left,) = done.document["not_covered"]
    assert left["why"].startswith("without its payloads it fails: ")


CODEC = """\
import base64
import dataclasses

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker import Replayer

from greeting import Greeting


class Hidden(PayloadCodec):
    async def encode(self, payloads):
        return [
            Payload(metadata={"encoding": b"binary/hidden"}, data=base64.b64encode(one.SerializeToString()))
            for one in payloads
        ]

    async def decode(self, payloads):
        return [Payload.FromString(base64.b64decode(one.data)) for one in payloads]


def make() -> Replayer:
    return Replayer(
        workflows=[Greeting], data_converter=dataclasses.replace(DataConverter.default, payload_codec=Hidden())
    )
"""


def test_payloads_are_encoded_with_the_codec_of_the_code(greeting: Project) -> None:
    greeting.write("coding.py", CODEC)
    done = record(greeting, "coding:make", "-H", "histories", "--payloads", "encoded")
    assert done.code == 0, done.err
    (name,) = done.document["added"]
    text = (greeting.root / "kept" / name).read_text()
    assert base64.b64encode(b"binary/hidden").decode() in text
    assert base64.b64encode(b'"Ada"').decode() not in text
    assert greeting.check("coding:make", "--histories", "kept").verdicts == ["compatible"]

    decoded = greeting.run(
        "replay", "record", "coding:make", "-H", "kept", "--payloads", "decoded", "--to", "plain", "-o", "json"
    )
    assert decoded.code == 0, decoded.err
    assert greeting.check("greeting", "--histories", "plain").verdicts == ["compatible"]


def test_what_was_redacted_is_encoded_again_when_the_code_has_a_codec(greeting: Project) -> None:
    greeting.write("coding.py", CODEC)
    record(greeting, "coding:make", "-H", "histories", "--payloads", "encoded")
    done = greeting.run(
        "replay", "record", "coding:make", "-H", "kept", "--payloads", "redacted", "--to", "hidden", "-o", "json"
    )
    assert len(done.document["added"]) == 1, done.err
    assert greeting.check("coding:make", "--histories", "hidden").verdicts == ["compatible"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--payloads", "scrambled"), "there is no such way"),
        (("--payloads", "encoded"), "--payloads encoded needs a codec"),
        (("--payloads", "decoded"), "--payloads decoded needs a codec"),
    ],
)
def test_a_way_with_payloads_that_cannot_be_is_refused(greeting: Project, args: tuple[str, ...], said: str) -> None:
    done = record(greeting, "-H", "histories", *args)
    assert done.code == 2
    assert said in done.err


def test_it_is_written_where_the_project_keeps_its_histories(greeting: Project) -> None:
    greeting.write("pyproject.toml", '[tool.wfctl.replay]\nhistories = ["tests/histories"]\n')
    done = greeting.run("replay", "record", "-H", "histories")
    assert (done.code, len(list(greeting.root.glob("tests/histories/*/*.json")))) == (0, 1), done.err
    assert greeting.run("replay", "refresh").code == 0
