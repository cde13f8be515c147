"""Durations and moments as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

TimeFormat = Literal["relative", "iso", "raw"]

_SECONDS_PER_UNIT = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")


def parse_duration(text: str) -> timedelta:
    """Read `1h30m`, `10s`, `1.5h`, `250ms`, `5d`; raise ValueError with what is expected."""
    body = text.strip()
    sign = -1 if body.startswith("-") else 1
    body = body.lstrip("+-")
    if body == "0":
        return timedelta()
    seconds, position = 0.0, 0
    for part in _PART.finditer(body):
        if part.start() != position:
            break
        seconds += float(part.group(1)) * _SECONDS_PER_UNIT[part.group(2)]
        position = part.end()
    if not body or position != len(body):
        raise ValueError(f"'{text}' is not a duration; write a number and a unit, such as 30s, 5m, 1h30m or 2d")
    return sign * timedelta(seconds=seconds)


def short_duration(duration: timedelta) -> str:
    """At most two units, never more precise than it is useful: `3ms`, `1.25s`, `2m 5s`, `3h 20m`, `5d 2h`."""
    seconds = duration.total_seconds()
    if seconds < 0:
        return f"-{short_duration(-duration)}"
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + "s"
    whole = int(seconds)
    for size, unit, lower_size, lower_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // lower_size
            return f"{whole // size}{unit} {rest}{lower_unit}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def long_duration(duration: timedelta) -> str:
    """As Go prints a duration: `72h0m0s`, `1.5s`, `0s`."""
    microseconds = duration // timedelta(microseconds=1)
    sign = "-" if microseconds < 0 else ""
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    decimals = f".{fraction:06d}".rstrip("0").rstrip(".") if fraction else ""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}{decimals}s"
    if minutes:
        return f"{sign}{minutes}m{seconds}{decimals}s"
    return f"{sign}{seconds}{decimals}s"


def relative_time(moment: datetime, now: datetime) -> str:
    """`3 minutes ago`, `in 2 hours`, `now`."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 1:
        return "now"
    for limit, divisor, unit in (
        (60, 1, "second"),
        (3600, 60, "minute"),
        (86400, 3600, "hour"),
        (7 * 86400, 86400, "day"),
        (30 * 86400, 7 * 86400, "week"),
        (365 * 86400, 30 * 86400, "month"),
        (float("inf"), 365 * 86400, "year"),
    ):
        if size < limit:
            count = int(size // divisor)
            words = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    raise AssertionError("the last row has no limit")


def format_time(moment: datetime | None, style: TimeFormat, now: datetime) -> str:
    """A moment in the style that `--time-format` names; nothing for no moment."""
    if moment is None:
        return ""
    if style == "relative":
        return relative_time(moment, now)
    if style == "iso":
        return iso_time(moment)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".") + " +0000 UTC"


def iso_time(moment: datetime) -> str:
    """RFC 3339 to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
