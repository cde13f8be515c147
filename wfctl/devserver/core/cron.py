"""Cron schedules of workflows: when the next run comes.

Five fields (`30 9 * * MON-FRI`), `@hourly` and its like, or `@every 90m`; `CRON_TZ=Europe/Oslo ` may lead. A time matches
when the clock on the wall of that zone shows it: what a leap forward skips never comes, what a fall back repeats comes
twice. Of day of month and day of week either will do when both are restricted (a step such as `*/2` restricts).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_SEARCH_YEARS = 5

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
# minute, hour, day of month, month, day of week: lowest and highest value, names
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _WEEKDAYS),
)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_DURATION = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class InvalidSchedule(Exception):
    """Not a cron schedule."""


@dataclass(frozen=True, slots=True)
class Field:
    values: frozenset[int]
    unrestricted: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """Times by the calendar of a zone."""

    minute: Field
    hour: Field
    day_of_month: Field
    month: Field
    day_of_week: Field
    zone: tzinfo

    def after(self, moment: datetime) -> datetime | None:
        """The first matching second after `moment`; None if the next five years have none."""
        at = moment.astimezone(UTC).replace(microsecond=0) + _SECOND
        if at.second:
            at = at.replace(second=0) + _MINUTE
        last_year = at.astimezone(self.zone).year + _SEARCH_YEARS
        while (wall := at.astimezone(self.zone)).year <= last_year:
            if wall.month not in self.month.values:
                at = self._midnight(wall.replace(day=1) + timedelta(days=32), day=1)
            elif not self._is_day(wall):
                at = self._midnight(wall + timedelta(days=1), day=None)
            elif wall.hour not in self.hour.values:
                at += timedelta(minutes=60 - wall.minute)
            elif wall.minute not in self.minute.values:
                at += _MINUTE
            else:
                return at
        return None

    def _midnight(self, wall: datetime, day: int | None) -> datetime:
        """The first moment of that day, or of that month."""
        first = datetime(wall.year, wall.month, day or wall.day, tzinfo=self.zone)
        return first.astimezone(UTC)

    def _is_day(self, wall: datetime) -> bool:
        by_month = wall.day in self.day_of_month.values
        by_week = wall.isoweekday() % 7 in self.day_of_week.values
        if self.day_of_month.unrestricted or self.day_of_week.unrestricted:
            return by_month and by_week
        return by_month or by_week

    def next_from(self, scheduled: datetime, now: datetime) -> datetime | None:
        """The first time after `scheduled` that is not before `now`."""
        return self.after(scheduled if scheduled >= now else max(scheduled, now - timedelta(microseconds=1)))


@dataclass(frozen=True, slots=True)
class Interval:
    """Times a fixed number of seconds apart, counted from the last one."""

    seconds: int

    def next_from(self, scheduled: datetime, now: datetime) -> datetime | None:
        """The first time after `scheduled` that is not before `now`."""
        start = scheduled.replace(microsecond=0)
        step = timedelta(seconds=self.seconds)
        try:
            return start + step * max(1, -((start - now) // step))
        except OverflowError:
            return None


def check(schedule: str, now: datetime) -> str:
    """What is wrong with this schedule, or an empty string."""
    if not schedule:
        return ""
    try:
        parsed = parse(schedule)
    except InvalidSchedule:
        return "invalid CronSchedule."
    if parsed.next_from(now, now) is None:
        return "invalid CronSchedule, no time can be found to satisfy the schedule"
    return ""


def backoff(schedule: str, start_time: datetime, now: datetime) -> timedelta | None:
    """The pause from `now` until the schedule's next time after `start_time` that lies in the future.

    `@every` schedules count from `start_time`. None: the schedule has no further time.
    """
    try:
        parsed = parse(schedule)
    except InvalidSchedule:
        return None
    next_time = start_time if now < start_time else parsed.next_from(start_time, now)
    if next_time is None:
        return None
    # Whole seconds, rounded up: a run must not start before its time.
    return timedelta(seconds=-((now - next_time) // _SECOND))


@lru_cache(maxsize=256)
def parse(schedule: str) -> Calendar | Interval:
    """Raises InvalidSchedule."""
    zone: tzinfo = UTC
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        prefix, _, schedule = schedule.partition(" ")
        zone = _zone(prefix.partition("=")[2])
        schedule = schedule.strip()
    if schedule.startswith(_EVERY):
        return Interval(_every_seconds(schedule.removeprefix(_EVERY)))
    if schedule.startswith("@"):
        if schedule not in _DESCRIPTORS:
            raise InvalidSchedule(f"unrecognized descriptor: {schedule}")
        schedule = _DESCRIPTORS[schedule]
    texts = schedule.split()
    if len(texts) != len(_FIELDS):
        raise InvalidSchedule(f"expected exactly {len(_FIELDS)} fields, found {len(texts)}")
    minute, hour, day_of_month, month, day_of_week = map(_field, texts, _FIELDS)
    return Calendar(minute, hour, day_of_month, month, day_of_week, zone)


def _zone(name: str) -> tzinfo:
    if name in ("", "UTC", "Local"):
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:
        raise InvalidSchedule(f"unknown time zone {name}") from error
    except KeyError as error:  # ZoneInfoNotFoundError
        raise InvalidSchedule(f"unknown time zone {name}") from error


def _every_seconds(text: str) -> int:
    """A duration as Go writes it (`1h30m`), in whole seconds, at least one."""
    if text in ("0", "+0", "-0"):
        return 1
    if not _DURATION.fullmatch(text):
        raise InvalidSchedule(f"failed to parse duration {text}")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds >= 2**63 / 1e9:
        raise InvalidSchedule(f"duration too long: {text}")
    return 1 if text.startswith("-") else max(1, int(seconds))


def _field(text: str, bounds: tuple[int, int, dict[str, int]]) -> Field:
    """A comma-separated list of values, ranges and steps."""
    values: set[int] = set()
    unrestricted = False
    for expression in filter(None, text.split(",")):
        found, is_star = _range(expression, *bounds)
        values.update(found)
        unrestricted |= is_star
    return Field(frozenset(values), unrestricted)


def _range(expression: str, lowest: int, highest: int, names: dict[str, int]) -> tuple[range, bool]:
    span, *steps = expression.split("/")
    ends = span.split("-")
    if len(steps) > 1 or len(ends) > 2:
        raise InvalidSchedule(f"too many hyphens or slashes: {expression}")
    step = _number(steps[0], {}) if steps else 1
    is_star = ends[0] in ("*", "?")
    if is_star:
        first, last = lowest, highest
    else:
        first = _number(ends[0], names)
        last = _number(ends[-1], names)
    if steps and len(ends) == 1:
        last = highest
    if first < lowest or last > highest or first > last or step == 0:
        raise InvalidSchedule(f"not a range within {lowest}-{highest}: {expression}")
    return range(first, last + 1, step), is_star and step == 1


def _number(text: str, names: dict[str, int]) -> int:
    named = names.get(text.lower())
    if named is not None:
        return named
    if not re.fullmatch(r"\+?[0-9]{1,9}", text):
        raise InvalidSchedule(f"not a number: {text}")
    return int(text)
