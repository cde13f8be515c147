"""Cron schedules: what is accepted, and when the next time comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wfctl.devserver.core import cron

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)  # a Tuesday


def next_after(schedule: str, moment: datetime) -> datetime:
    pause = cron.backoff(schedule, moment, moment)
    assert pause is not None
    return moment + pause


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", datetime(2026, 3, 10, 12, 1, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 3, 10, 12, 15, tzinfo=UTC)),
        ("5/20 * * * *", datetime(2026, 3, 10, 12, 5, tzinfo=UTC)),
        ("0 9 * * MON-FRI", datetime(2026, 3, 11, 9, 0, tzinfo=UTC)),
        ("0 0 1 jan,jul ?", datetime(2026, 7, 1, tzinfo=UTC)),
        ("0 0 13 * 5", datetime(2026, 3, 13, tzinfo=UTC)),
        ("0 0 20 * 3", datetime(2026, 3, 11, tzinfo=UTC)),
        ("0 0 */2 * 3", datetime(2026, 3, 11, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
        ("@hourly", datetime(2026, 3, 10, 13, tzinfo=UTC)),
        ("@daily", datetime(2026, 3, 11, tzinfo=UTC)),
        ("@weekly", datetime(2026, 3, 15, tzinfo=UTC)),
        ("@monthly", datetime(2026, 4, 1, tzinfo=UTC)),
        ("@yearly", datetime(2027, 1, 1, tzinfo=UTC)),
        ("@every 90m", datetime(2026, 3, 10, 13, 30, tzinfo=UTC)),
        ("@every 1h30m5s", datetime(2026, 3, 10, 13, 30, 5, tzinfo=UTC)),
        ("@every 10ms", datetime(2026, 3, 10, 12, 0, 1, tzinfo=UTC)),
        ("@every -1h", datetime(2026, 3, 10, 12, 0, 1, tzinfo=UTC)),
        ("CRON_TZ=Europe/Oslo 0 3 * * *", datetime(2026, 3, 11, 2, 0, tzinfo=UTC)),
        ("TZ=America/New_York 0 12 * * *", datetime(2026, 3, 10, 16, 0, tzinfo=UTC)),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, expected: datetime) -> None:
    assert next_after(schedule, NOON) == expected


@pytest.mark.parametrize(
    "schedule",
    [
        "nope",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-1 * * * *",
        "*/0 * * * *",
        "1-2-3 * * * *",
        "*/2/3 * * * *",
        "-1 * * * *",
        "* * L * *",
        "* * * * FRIDAY",
        "@never",
        "@every",
        "@every soon",
        "@every 5",
        "CRON_TZ=Nowhere/Land * * * * *",
        "CRON_TZ=UTC",
    ],
)
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    assert cron.check(schedule, NOON) == "invalid CronSchedule."
    assert cron.backoff(schedule, NOON, NOON) is None


def test_a_day_that_never_comes_is_refused() -> None:
    message = "invalid CronSchedule, no time can be found to satisfy the schedule"
    assert cron.check("0 0 30 2 *", NOON) == message
    assert cron.check("0 0 30 4 *", NOON) == ""
    assert cron.check("", NOON) == ""


def test_the_pause_is_rounded_up_to_whole_seconds() -> None:
    now = NOON + timedelta(seconds=30, milliseconds=400)
    assert cron.backoff("* * * * *", now, now) == timedelta(seconds=30)


def test_every_counts_from_the_last_start_and_skips_what_was_missed() -> None:
    start = NOON + timedelta(milliseconds=250)
    assert cron.backoff("@every 10s", start, start) == timedelta(seconds=10)
    assert cron.backoff("@every 10s", start, start + timedelta(seconds=3)) == timedelta(seconds=7)
    assert cron.backoff("@every 10s", start, start + timedelta(days=365, seconds=1)) == timedelta(seconds=9)
    assert cron.backoff("@every 10s", NOON, NOON + timedelta(seconds=20)) == timedelta(0)


def test_times_missed_while_a_run_took_long_are_skipped() -> None:
    assert cron.backoff("*/10 * * * *", NOON, NOON + timedelta(minutes=34)) == timedelta(minutes=6)


def test_a_start_that_is_still_to_come_is_the_next_time() -> None:
    assert cron.backoff("@hourly", NOON + timedelta(minutes=5), NOON) == timedelta(minutes=5)


def test_a_time_that_the_clock_skips_never_comes() -> None:
    before = datetime(2026, 3, 8, 6, 0, tzinfo=UTC)  # 01:00 in New York, an hour before the leap forward
    assert next_after("TZ=America/New_York 30 2 * * *", before) == datetime(2026, 3, 9, 6, 30, tzinfo=UTC)


def test_a_time_that_the_clock_repeats_comes_twice() -> None:
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 EDT, and again an hour later in EST
    assert next_after("TZ=America/New_York 30 1 * * *", first - timedelta(minutes=5)) == first
    assert next_after("TZ=America/New_York 30 1 * * *", first) == first + timedelta(hours=1)


def test_midnight_that_does_not_exist_gives_way_to_the_first_hour() -> None:
    before = datetime(2018, 11, 3, 12, 0, tzinfo=UTC)  # Sao Paulo leaps from 00:00 to 01:00 on the 4th
    assert next_after("TZ=America/Sao_Paulo 0 1 4 11 *", before) == datetime(2018, 11, 4, 3, 0, tzinfo=UTC)
