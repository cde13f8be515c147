"""What can be told from a workflow's source without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfctl.replay import codebase, source
from wfctl.replay.model import Location


def parsed(directory: Path, text: str) -> source.Source:
    file = directory / f"code{abs(hash(text))}.py"
    file.write_text(text)
    found = source.parsed(str(file))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("code", "exclusive"),
    [
        ("if x:\n    a()\nelse:\n    b()\n", True),
        ("if x:\n    a()\nb()\n", False),
        ("if x:\n    a()\n    return\nb()\n", True),
        ("try:\n    a()\nexcept E:\n    b()\n", False),
        ("try:\n    z()\nexcept E:\n    a()\n    return\nb()\n", True),
        ("try:\n    z()\nexcept E:\n    a()\nb()\n", False),
        ("try:\n    z()\nexcept E:\n    a()\nexcept F:\n    b()\n", True),
        ("match x:\n    case 1:\n        a()\n    case 2:\n        b()\n", True),
        ("for x in y:\n    a()\nelse:\n    b()\n", False),
        ("a()\nb()\n", False),
    ],
)
def test_branches_that_exclude_each_other(tmp_path: Path, code: str, exclusive: bool) -> None:
    body = "".join(f"    {line}\n" for line in code.splitlines())
    found = parsed(tmp_path, f"def run(x, y):\n{body}")
    [one], [other] = found.mentions("a"), found.mentions("b")
    assert source.exclusive(one, other) is exclusive
    assert source.exclusive(other, one) is exclusive


def test_a_statement_of_many_lines_is_one_place(tmp_path: Path) -> None:
    found = parsed(tmp_path, "def run():\n    x = call(\n        first,\n        second,\n    )\n    y = 1\n")
    site = found.at(4)
    assert site is not None
    assert list(site.lines()) == [2, 3, 4, 5]
    assert found.text(site) == ["x = call(", "    first,", "    second,", ")"]


def test_patches_are_found_with_their_lines(tmp_path: Path) -> None:
    found = parsed(
        tmp_path, 'if workflow.patched("a"):\n    pass\nworkflow.deprecate_patch("b")\nworkflow.patched(c)\n'
    )
    assert found.patches() == {"a": [1], "b": [3]}


def test_the_frame_that_spells_a_name_is_the_line_to_show(tmp_path: Path) -> None:
    helper = parsed(tmp_path, "def step(name):\n    return execute(name)\n")
    flow = parsed(tmp_path, 'def run():\n    step("charge")\n')
    inner, outer = Location(helper.file, 2), Location(flow.file, 2)
    assert codebase.naming((inner, outer), "charge") == outer
    assert codebase.naming((inner, outer), "other") == inner


@pytest.mark.parametrize(
    ("call", "arguments", "could"),
    [
        ('run(acts.audit, "a")', '"a"', True),
        ('run(acts.audit, "a")', '"b"', False),
        ('run(acts.audit, f"{x} late")', '"plan late"', True),
        ('run(acts.audit, f"{x} late")', '"plan early"', False),
        ("run(acts.audit, x)", '"anything"', True),
        ("handler = acts.audit", '"anything"', True),
    ],
)
def test_literals_tell_which_call_made_a_command(tmp_path: Path, call: str, arguments: str, could: bool) -> None:
    [site] = parsed(tmp_path, f"{call}\n").mentions("audit")
    assert source.could_make(site, "audit", arguments) is could


def test_a_decorated_function_is_shown_at_its_def(tmp_path: Path) -> None:
    found = parsed(tmp_path, "@workflow.run\n@other\nasync def run():\n    pass\n")
    assert source.defined(Location(found.file, 1)).line == 3
    assert source.defined(Location(found.file, 4)).line == 4


def test_source_that_cannot_be_read_is_no_source(tmp_path: Path) -> None:
    assert source.parsed(str(tmp_path / "gone.py")) is not None
    broken = tmp_path / "broken.py"
    broken.write_text("def (:\n")
    assert source.parsed(str(broken)) is None
