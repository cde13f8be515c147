"""Moments as messages carry them."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

# The year 1, Go's zero time: clients know it for "never", and take an absent time for 1970.
NEVER = Timestamp(seconds=-62135596800)


def timestamp(moment: datetime) -> Timestamp:
    """`Timestamp.FromDatetime` for an aware moment, at a third of its cost; a run makes a dozen."""
    return Timestamp(seconds=int(moment.timestamp() // 1), nanos=moment.microsecond * 1000)
