"""A time axis that leaves out the hours in which nothing happened.

Between any two moments at which something began, started or ended lies a stretch. A stretch in which no work was under
way and which is much longer than the busy ones is a gap: it gets a fixed sliver of the axis instead of its length.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from wfctl.tui.models.spans import Span

_MOST_GAP_SHARE = 0.14
_ALL_GAPS_SHARE = 0.4
_SHORTEST_GAP_SECONDS = 1.0
_GAP_RATIO = 1.5
_MOST_STRETCHES = 4000
_MOST_SPANS = 2000


@dataclass(frozen=True, slots=True)
class Axis:
    """Moments to places between 0 and 1, and back."""

    moments: tuple[datetime, ...]
    places: tuple[float, ...]
    gaps: tuple[tuple[float, float, timedelta], ...]
    """Where each gap lies and how long it really was."""

    @property
    def began(self) -> datetime:
        return self.moments[0]

    def place(self, moment: datetime) -> float:
        if moment <= self.moments[0]:
            return 0.0
        if moment >= self.moments[-1]:
            return 1.0
        index = bisect_right(self.moments, moment) - 1
        left, right = self.moments[index], self.moments[index + 1]
        share = (moment - left) / (right - left)
        return self.places[index] + share * (self.places[index + 1] - self.places[index])

    def moment(self, place: float) -> datetime:
        index = min(max(bisect_right(self.places, place) - 1, 0), len(self.places) - 2)
        left, right = self.places[index], self.places[index + 1]
        share = (place - left) / (right - left) if right > left else 0.0
        return self.moments[index] + min(max(share, 0.0), 1.0) * (self.moments[index + 1] - self.moments[index])


def build_axis(spans: Sequence[Span], began: datetime, until: datetime, *, compress: bool = True) -> Axis:
    until = max(until, began + timedelta(milliseconds=1))
    if len(spans) > _MOST_SPANS:
        # No screen is fine enough to show the difference; what is still open is always looked at.
        step = len(spans) // _MOST_SPANS + 1
        spans = [span for index, span in enumerate(spans) if index % step == 0 or span.is_open]
    moments = _moments(spans, began, until)
    lengths = [(right - left).total_seconds() for left, right in pairwise(moments)]
    gaps = _gaps(spans, moments, lengths) if compress else set[int]()
    busy = sum(length for index, length in enumerate(lengths) if index not in gaps)
    share = min(_MOST_GAP_SHARE, _ALL_GAPS_SHARE / max(len(gaps), 1))
    sliver = max(busy * share / (1.0 - share * len(gaps)), 1e-6)
    widths = [sliver if index in gaps else length for index, length in enumerate(lengths)]
    total = sum(widths) or 1.0
    places, at = [0.0], 0.0
    for width in widths:
        at += width / total
        places.append(at)
    places[-1] = 1.0
    marked = tuple((places[i], places[i + 1], moments[i + 1] - moments[i]) for i in sorted(gaps))
    return Axis(tuple(moments), tuple(places), marked)


def _moments(spans: Sequence[Span], began: datetime, until: datetime) -> list[datetime]:
    found = {began, until}
    for span in spans:
        found.update(moment for moment in (span.began, span.started, span.ended) if moment is not None)
    ordered = sorted(moment for moment in found if began <= moment <= until)
    if len(ordered) > _MOST_STRETCHES:
        step = len(ordered) // _MOST_STRETCHES + 1
        ordered = [*ordered[::step], until] if ordered[::step][-1] != until else ordered[::step]
    return ordered


def _gaps(spans: Sequence[Span], moments: Sequence[datetime], lengths: Sequence[float]) -> set[int]:
    """Idle stretches that are clearly longer than all the work and all the short pauses together."""
    busy = _busy(spans, moments)
    worth_seeing = sum(
        length for index, length in enumerate(lengths) if index in busy or length < _SHORTEST_GAP_SECONDS
    )
    least = max(_SHORTEST_GAP_SECONDS, _GAP_RATIO * worth_seeing)
    found = {index for index, length in enumerate(lengths) if index not in busy and length >= least}
    return found if len(found) < len(lengths) else set()


def _busy(spans: Sequence[Span], moments: Sequence[datetime]) -> set[int]:
    """The stretches in which work was under way, found in one sweep."""
    delta = [0] * (len(moments) + 1)
    for span in spans:
        if not span.is_busy or (span.started is None and not span.is_open):
            continue
        # What is still at it counts whole, with its retries: it is what one came to see.
        first = bisect_right(moments, span.began if span.is_open or span.started is None else span.started) - 1
        last = bisect_right(moments, span.ended or moments[-1]) - 1
        delta[max(first, 0)] += 1
        delta[max(last, 0)] -= 1
    under_way, found = 0, set()
    for index in range(len(moments) - 1):
        under_way += delta[index]
        if under_way > 0:
            found.add(index)
    return found


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the axis that is on screen."""

    left: float = 0.0
    width: float = 1.0

    def zoomed(self, factor: float, around: float = 0.5) -> Window:
        width = min(max(self.width / factor, 0.0005), 1.0)
        left = self.left + (self.width - width) * around
        return Window(min(max(left, 0.0), 1.0 - width), width)

    def panned(self, share: float) -> Window:
        return Window(min(max(self.left + share * self.width, 0.0), 1.0 - self.width), self.width)

    def showing(self, place: float) -> Window:
        """Moved, if need be, so that a place is on screen."""
        if self.left <= place <= self.left + self.width:
            return self
        return Window(min(max(place - self.width / 2, 0.0), 1.0 - self.width), self.width)

    def column(self, place: float, columns: int) -> int:
        return int((place - self.left) / self.width * columns)

    def place(self, column: int, columns: int) -> float:
        return self.left + column / columns * self.width
