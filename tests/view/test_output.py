"""stdout is data, stderr is narration; colours and widths only where a person looks."""

from __future__ import annotations

import io

import pytest

from wfctl.output import ColorChoice, Format, Output, display_width, shorten


def output(
    format: Format = "text", color: ColorChoice = "never", width: int | None = None
) -> tuple[Output, io.StringIO]:
    stdout = io.StringIO()
    return Output(format, color, stdout=stdout, stderr=io.StringIO(), width=width), stdout


def test_text_and_data_never_meet() -> None:
    for format, expected in (("text", "line\n"), ("json", "1\n"), ("jsonl", "1\n"), ("none", "")):
        out, stdout = output(format)  # type: ignore[arg-type]
        out.line("line")
        out.value(1)
        assert stdout.getvalue() == expected


def test_a_list_is_one_array_in_json_and_lines_in_jsonl() -> None:
    for format, expected in (("json", '[\n{\n  "a": 1\n},\n2\n]\n'), ("jsonl", '{"a":1}\n2\n')):
        out, stdout = output(format)  # type: ignore[arg-type]
        with out.listing():
            out.value({"a": 1})
            out.value(2)
        assert stdout.getvalue() == expected


def test_a_list_that_fails_before_its_first_item_prints_nothing() -> None:
    out, stdout = output("json")
    with pytest.raises(RuntimeError), out.listing():
        raise RuntimeError
    assert stdout.getvalue() == ""


def test_colours_come_only_when_wanted() -> None:
    assert output(color="auto")[0].paint("x", "red") == "x"
    assert output(color="always")[0].paint("x", "red") == "\x1b[31mx\x1b[0m"
    assert output("json", color="always")[0].paint("x", "red") == "x"


def test_a_card_keeps_the_lines_of_a_value_together() -> None:
    out, stdout = output()
    out.card([("Name", "a"), ("Longer", "b\nc")])
    assert stdout.getvalue() == "  Name    a\n  Longer  b\n          c\n"


def test_widths_count_columns() -> None:
    assert display_width("日本") == 4
    assert display_width("\x1b[31mred\x1b[0m") == 3
    assert display_width("é") == 1
    assert shorten("日本語", 5) == "日本…"
    assert shorten("short", 5) == "short"


def test_the_flexible_column_gives_way() -> None:
    out, stdout = output(width=30)
    out.table(("A", "Id"), [("x", "i" * 60)], flexible=1)
    assert max(len(line) for line in stdout.getvalue().splitlines()) <= 30
