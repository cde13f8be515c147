"""The lint follows calls through modules, tells the way, and is excused by comments with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from tests.replay.jsonschema import mistakes
from wfctl.replay.lint import reach
from wfctl.replay.lint.rules import RULES
from wfctl.replay.messages import LoadFailure

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(
        tmp_path / "shop" / "flows.py",
        """
        from temporalio import workflow

        with workflow.unsafe.imports_passed_through():
            from shop import pricing
            from shop.base import Base
            from .activities import charge


        @workflow.defn(name="orders")
        class Orders(Base):
            @workflow.run
            async def run(self, order: str) -> None:
                price = pricing.price(order)
                await self.take(price)
                await workflow.execute_activity(charge, order)

            def step(self) -> None:
                pricing.stamp()
        """,
    )
    write(
        tmp_path / "shop" / "base.py",
        """
        import random

        class Base:
            async def take(self, price: int) -> None:
                self.step()

            def step(self) -> None:
                random.random()
        """,
    )
    write(
        tmp_path / "shop" / "pricing.py",
        """
        from shop.clock import now as current

        def price(order: str) -> int:
            return discount(order)

        def discount(order: str) -> int:
            return 1 if current() > 5 else 2

        def stamp() -> None:
            import uuid
            uuid.uuid4()

        def unused() -> None:
            open("f")
        """,
    )
    write(tmp_path / "shop" / "clock.py", "import time\n\ndef now() -> float:\n    return time.time()\n")
    write(
        tmp_path / "shop" / "activities.py",
        """
        import requests
        from temporalio import activity

        @activity.defn
        async def charge(order: str) -> None:
            requests.get(order)
        """,
    )
    write(tmp_path / "shop" / "__init__.py", "")
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_WORKSPACE", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text).lstrip("\n"))


def test_calls_are_followed_through_modules_and_the_way_is_told(project: Path) -> None:
    found = reach.lint(["shop.flows"])
    clock = next(one for one in found.findings if one.rule == "time")
    assert (clock.location.file, clock.location.line) == ("shop/clock.py", 4)
    assert [step.function for step in clock.chain] == ["Orders.run", "price", "discount", "now"]
    assert clock.workflows == ("orders",)


def test_an_overridden_method_is_read_as_the_workflow_has_it(project: Path) -> None:
    assert sorted(one.rule for one in reach.lint(["shop/flows.py"]).findings) == ["time", "uuid"]


@pytest.mark.parametrize("target", ["shop", "shop/", "shop.flows", "shop/flows.py", "shop.flows:Orders"])
def test_a_target_is_a_file_a_directory_a_module_a_package_or_a_class(project: Path, target: str) -> None:
    found = reach.lint([target])
    assert found.workflows == ["orders"]
    assert len(found.findings) == 2


def test_a_target_that_is_nowhere_is_refused(project: Path) -> None:
    with pytest.raises(LoadFailure, match="there is no module 'shopp'"):
        reach.lint(["shopp"])


def test_a_comment_with_a_reason_excuses_the_line(project: Path) -> None:
    clock = project / "shop" / "clock.py"
    clock.write_text("import time\n\ndef now() -> float:\n    return time.time()  # wfctl: ignore[time] only shown\n")
    found = reach.lint(["shop"])
    assert [one.rule for one in found.findings] == ["uuid"]
    assert found.ignored == 1


def test_a_comment_above_a_call_excuses_what_the_call_leads_to(project: Path) -> None:
    flows = project / "shop" / "flows.py"
    line = "        price = pricing.price(order)"
    flows.write_text(flows.read_text().replace(line, f"        # wfctl: ignore[time] shown to people\n{line}"))
    assert [one.rule for one in reach.lint(["shop"]).findings] == ["uuid"]


def test_a_comment_without_a_reason_excuses_nothing(project: Path) -> None:
    clock = project / "shop" / "clock.py"
    clock.write_text("import time\n\ndef now() -> float:\n    return time.time()  # wfctl: ignore[time]\n")
    assert [one.rule for one in reach.lint(["shop"]).findings] == ["time", "ignore", "uuid"]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("ignore[clock] x", "there is no rule 'clock'"),
        ("ignore because", "names no rule"),
        ("ignore[io] why not", "there is nothing to ignore of io"),
    ],
)
def test_a_comment_that_does_nothing_is_told(project: Path, comment: str, message: str) -> None:
    clock = project / "shop" / "clock.py"
    clock.write_text(f"import time\n\ndef now() -> float:\n    return time.time()  # wfctl: {comment}\n")
    assert any(message in one.message for one in reach.lint(["shop"]).findings if one.rule == "ignore")


def test_a_module_that_cannot_be_parsed_is_a_finding_and_not_the_end(project: Path) -> None:
    (project / "shop" / "clock.py").write_text("def now(:\n")
    found = reach.lint(["shop"])
    assert [(one.rule, one.location.file, one.location.line) for one in found.findings if one.rule == "syntax"] == [
        ("syntax", "shop/clock.py", 1)
    ]


def test_modules_that_import_one_another_and_functions_that_call_themselves_come_to_an_end(project: Path) -> None:
    write(
        project / "shop" / "clock.py",
        """
        import time
        from shop import pricing
        alias = pricing.alias

        def now(depth: int = 0) -> float:
            return now(depth + 1) if depth < 3 else pricing.price("x")
        """,
    )
    pricing = project / "shop" / "pricing.py"
    pricing.write_text(pricing.read_text() + "\nfrom shop.clock import alias\n")
    assert [one.rule for one in reach.lint(["shop"]).findings] == ["uuid"]


@pytest.mark.parametrize("template", ["hello", "order-saga"])
def test_the_templates_are_clean(template: str) -> None:
    found = reach.lint([str(ROOT / "templates" / template)])
    assert found.workflows
    assert found.findings == []


# The command.


def wfctl(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    from wfctl.cli import run

    code = run(("replay", "lint", *arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_text_names_the_place_the_rule_the_way_and_the_fix(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = wfctl(capsys, "shop", "--no-github")
    assert code == 1
    assert "shop/clock.py:4: error[time] `time.time()`: the machine's clock is read in workflow code" in out
    assert "reached from Orders.run (shop/flows.py:13)  price = pricing.price(order)" in out
    assert "fix: write workflow.time()" in out
    assert "2 errors in 1 workflow" in out


def test_json_has_the_chain_and_a_summary(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = wfctl(capsys, "shop", "-o", "json")
    document = json.loads(out)
    assert [one["rule"] for one in document["findings"]] == ["time", "uuid"]
    assert document["findings"][0]["chain"][-1] == document["findings"][0]["location"]
    assert document["summary"] == {"errors": 2, "warnings": 0, "notes": 0, "ignored": 0, "workflows": ["orders"]}


def test_sarif_has_the_chain_as_a_code_flow(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wfctl(capsys, "shop", "--sarif", "out/lint.sarif")
    document = json.loads((project / "out" / "lint.sarif").read_text())
    assert mistakes(document, json.loads((ROOT / "tests/replay/schemas/sarif-2.1.0.json").read_text())) == []
    run = document["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["time", "uuid"]
    flow = run["results"][0]["codeFlows"][0]["threadFlows"][0]["locations"]
    uris = [step["location"]["physicalLocation"]["artifactLocation"]["uri"] for step in flow]
    assert uris == ["shop/flows.py", "shop/pricing.py", "shop/pricing.py", "shop/clock.py"]


def test_files_are_named_from_the_root_of_the_checkout(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    _, out, _ = wfctl(capsys, "shop", "--github", "--sarif", "lint.sarif")
    assert f"::error file={project.name}/shop/clock.py,line=4" in out
    assert f'"uri": "{project.name}/shop/clock.py"' in (project / "lint.sarif").read_text()


def test_the_page_names_every_rule_with_its_severity() -> None:
    page = (ROOT / "docs" / "replay-lint.md").read_text()
    for rule in RULES.values():
        assert f"| `{rule.id}` | {rule.severity.value} |" in page


def test_github_gets_an_annotation_for_each_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = wfctl(capsys, "shop", "--github")
    line = next(line for line in out.splitlines() if line.startswith("::error file=shop/clock.py,line=4"))
    assert "title=time%3A The machine's clock is read in workflow code" in line
    assert "%0Areached from Orders.run (shop/flows.py:13)" in line


def test_nothing_found_is_success_and_no_workflow_is_not(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project / "clean.py", "from temporalio import workflow\n\n@workflow.defn\nclass A:\n    pass\n")
    assert wfctl(capsys, "clean.py")[0] == 0
    code, _, err = wfctl(capsys, "shop/activities.py")
    assert code == 18
    assert "there is no workflow in it" in err


def test_warnings_fail_only_when_the_lint_is_strict(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        project / "twice.py",
        """
        from temporalio import workflow

        @workflow.defn
        class Twice:
            @workflow.run
            async def run(self) -> None:
                workflow.patched("a")
                workflow.patched("a")
        """,
    )
    assert wfctl(capsys, "twice.py")[0] == 0
    assert wfctl(capsys, "twice.py", "--strict")[0] == 1


def test_the_rules_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = wfctl(capsys, "--rules")
    assert code == 0
    assert "direct-activity" in out
