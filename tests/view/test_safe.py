"""What others wrote never drives the terminal."""

from __future__ import annotations

from wfctl.view.safe import safe_line, safe_text


def test_control_sequences_are_shown_and_not_obeyed() -> None:
    assert safe_text("\x1b[31mred\x1b]0;title\x07") == r"\x1b[31mred\x1b]0;title\x07"
    assert safe_text("\x9b31m\x7f") == r"<U+009B>31m\x7f"


def test_bidirectional_overrides_are_written_out() -> None:
    assert safe_text("user\u202etxt.exe\u2066") == "user<U+202E>txt.exe<U+2066>"


def test_line_breaks_and_tabs_stay_and_become_one_line_when_asked() -> None:
    assert safe_text("a\n\tb") == "a\n\tb"
    assert safe_line("a\n\tb\r") == r"a⏎ b\x0d"


def test_ordinary_text_is_left_alone() -> None:
    assert safe_text("naïve 注文 👍 ✓") == "naïve 注文 👍 ✓"
