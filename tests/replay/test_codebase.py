"""Which lines of many files could still make a command, and which come after which."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

from wfctl.replay import codebase, source
from wfctl.replay.codebase import Codebase
from wfctl.replay.model import Location


def code(tmp_path: Path, text: str) -> tuple[Codebase, str]:
    file = tmp_path / f"flow{len(list(tmp_path.iterdir()))}.py"
    file.write_text(dedent(text))
    return codebase.of([str(file)]), str(file)


FLOW = """
    from temporalio import activity, workflow

    async def call(name, argument):
        return await workflow.execute_activity(name, argument)

    async def forgotten():
        await call("archive", 1)

    async def ship(order):
        await call("ship", order)

    STEPS = {"ship": ship}

    @activity.defn(name="bill-customer")
    async def bill(order):
        await sleep(1)

    @workflow.defn
    class Flow:
        @workflow.run
        async def run(self, order):
            if order:
                await call("check", order)
            for part in order:
                await call("pack", part)
                if part:
                    await call("weigh", part)
            await workflow.execute_activity(bill, order)
            await STEPS["ship"](order)
"""


def lines(found: Codebase, name: str) -> list[str]:
    return [each.lines[site.line - 1].strip() for each in found.sources for site in found.mentions(name)]


def test_a_function_that_nothing_calls_mentions_nothing(tmp_path: Path) -> None:
    found, _ = code(tmp_path, FLOW)
    assert lines(found, "archive") == []
    assert lines(found, "pack") == ['await call("pack", part)']


def test_a_function_in_a_table_is_alive(tmp_path: Path) -> None:
    found, _ = code(tmp_path, FLOW)
    assert 'await call("ship", order)' in lines(found, "ship")


def test_what_an_activity_does_is_no_command(tmp_path: Path) -> None:
    found, _ = code(tmp_path, FLOW)
    assert lines(found, "sleep") == []


def test_a_registered_name_is_found_by_its_function(tmp_path: Path) -> None:
    found, _ = code(tmp_path, FLOW)
    assert "await workflow.execute_activity(bill, order)" in lines(found, "bill-customer")


def follows(tmp_path: Path, at: str, name: str) -> bool:
    """May a run that waits at this line still come to the command of that name?"""
    found, file = code(tmp_path, FLOW)
    parsed = source.parsed(file)
    assert parsed is not None
    line = next(number for number, text in enumerate(parsed.lines, 1) if at in text)
    sites = [site for site in found.mentions(name) if "call(" in parsed.lines[site.line - 1]]
    return any(codebase.may_follow(found, [Location(file, line)], site) for site in sites)


def test_lines_ahead_may_follow_and_lines_behind_may_not(tmp_path: Path) -> None:
    assert follows(tmp_path, '"check"', "pack")
    assert not follows(tmp_path, '"pack"', "check")


def test_the_next_round_of_a_loop_comes_for_certain_to_what_nothing_guards(tmp_path: Path) -> None:
    assert follows(tmp_path, '"weigh"', "pack")
    assert not follows(tmp_path, "execute_activity(bill", "pack")


def test_an_imported_helper_is_read_where_it_lies(tmp_path: Path) -> None:
    names = list(codebase.imported(ast.parse("from .steps import ship\nimport a.b"), "shop.flow", is_package=False))
    assert "shop.steps" in names
    assert "a.b" in names
