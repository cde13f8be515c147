"""Durations and moments as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wfctl.view.durations import format_time, long_duration, parse_duration, relative_time, short_duration

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("2d", 172800),
        ("0", 0),
        ("-5m", -300),
        (".5s", 0.5),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5x", "s", "1h 30m", "h5", "1h5"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0ms", "0s"),
        (0.0034, "3ms", "0.0034s"),
        (1.25, "1.25s", "1.25s"),
        (59.999, "60s", "59.999s"),
        (125, "2m 5s", "2m5s"),
        (7200, "2h", "2h0m0s"),
        (12000, "3h 20m", "3h20m0s"),
        (5 * 86400 + 7200, "5d 2h", "122h0m0s"),
        (-90, "-1m 30s", "-1m30s"),
    ],
)
def test_durations_are_written_short_and_long(seconds: float, short: str, long: str) -> None:
    duration = timedelta(seconds=seconds)
    assert (short_duration(duration), long_duration(duration)) == (short, long)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (0, "now"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7300, "2 hours ago"),
        (90000, "1 day ago"),
        (86400 * 15, "2 weeks ago"),
        (86400 * 70, "2 months ago"),
        (86400 * 800, "2 years ago"),
        (-120, "in 2 minutes"),
    ],
)
def test_moments_are_relative(ago: float, words: str) -> None:
    assert relative_time(NOW - timedelta(seconds=ago), NOW) == words


def test_moments_have_three_formats() -> None:
    moment = NOW + timedelta(milliseconds=120)
    assert format_time(moment, "relative", NOW + timedelta(minutes=5)) == "4 minutes ago"
    assert format_time(moment, "iso", NOW) == "2026-03-01T12:00:00Z"
    assert format_time(moment, "raw", NOW) == "2026-03-01 12:00:00.12 +0000 UTC"
    assert format_time(NOW, "raw", NOW) == "2026-03-01 12:00:00 +0000 UTC"
    assert format_time(None, "iso", NOW) == ""
