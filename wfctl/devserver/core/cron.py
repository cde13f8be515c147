"""Cron schedules of workflows: when the next run comes."""

from __future__ import annotations

from datetime import datetime, timedelta


def backoff(schedule: str, start_time: datetime, now: datetime) -> timedelta | None:
    """The pause from `now` until the schedule's next time after `start_time` that lies in the future.

    `@every` schedules count from `start_time`. None: the schedule has no further time.
    """
    raise NotImplementedError
