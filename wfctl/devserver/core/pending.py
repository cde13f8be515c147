"""What a run has pending: tables that know what a step asks of all of it, so that a step costs what it changes.

Rule. Whoever changes an activity says so (`Activities.touch`); timers never change, and a child's start goes through
`Children.start`. What is worked out from them — the earliest deadline, the packed attempts, who waits — follows when it
is next asked for, for those that were touched.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from datetime import datetime

import msgpack

from wfctl.devserver.core.entities.activity import Activity
from wfctl.devserver.core.entities.child_workflow import ChildWorkflow
from wfctl.devserver.core.entities.timer import Timer

# A heap may hold so many entries that were replaced before it is made anew.
STALE_ENTRIES = 64


class Deadlines:
    """The earliest of many moments, each under a number (an event id). What was replaced stays in the heap until it
    comes up."""

    __slots__ = ("_due", "_heap")

    def __init__(self) -> None:
        self._due: dict[int, datetime] = {}
        self._heap: list[tuple[datetime, int]] = []

    def set(self, number: int, moment: datetime | None) -> None:
        if moment is None:
            self._due.pop(number, None)
        elif self._due.get(number) != moment:
            self._due[number] = moment
            heapq.heappush(self._heap, (moment, number))
            if len(self._heap) > STALE_ENTRIES + 2 * len(self._due):
                self._heap = [(at, each) for each, at in self._due.items()]
                heapq.heapify(self._heap)

    def earliest(self) -> tuple[datetime, int] | None:
        """The first moment, and of those at the same moment the lowest number."""
        heap, due = self._heap, self._due
        while heap:
            moment, number = heap[0]
            if due.get(number) == moment:
                return heap[0]
            heapq.heappop(heap)
        return None

    def clear(self) -> None:
        self._due.clear()
        self._heap.clear()


class Activities(dict[int, Activity]):
    """By scheduled event id. Written to by item, `del` and `clear` only."""

    __slots__ = ("_by_id", "_deadlines", "_packed", "_packed_numbers", "_touched", "_waiting")

    def __init__(self) -> None:
        self._by_id: dict[str, Activity] = {}
        self._touched: set[int] = set()
        self._deadlines = Deadlines()
        self._waiting: set[int] = set()
        self._packed_numbers: list[int] = []  # in order; `_packed` holds the bytes of each at the same place
        self._packed: list[bytes] = []

    def __setitem__(self, number: int, activity: Activity) -> None:
        super().__setitem__(number, activity)
        self._by_id[activity.id] = activity
        self._touched.add(number)

    def __delitem__(self, number: int) -> None:
        activity = self[number]
        super().__delitem__(number)
        # In a history, an activity's end may stand behind the schedule of the next one of its id.
        if self._by_id.get(activity.id) is activity:
            del self._by_id[activity.id]
        self._touched.add(number)

    def clear(self) -> None:
        super().clear()
        self.__init__()  # type: ignore[misc]

    def touch(self, activity: Activity) -> None:
        """Its attempt changes in this step."""
        self._touched.add(activity.scheduled_event_id)

    def by_id(self, activity_id: str) -> Activity | None:
        return self._by_id.get(activity_id)

    def earliest(self) -> tuple[datetime, Activity] | None:
        """What runs out first, and whose it is."""
        self._follow()
        found = self._deadlines.earliest()
        return None if found is None else (found[0], self[found[1]])

    def packed(self) -> list[bytes]:
        """The attempts that differ from a first one that nobody has taken, in order, each as msgpack."""
        self._follow()
        return self._packed

    def have_waiting(self) -> bool:
        """Whether an attempt waits for a worker."""
        self._follow()
        return bool(self._waiting)

    def _follow(self) -> None:
        if not self._touched:
            return
        for number in self._touched:
            activity = self.get(number)
            if activity is None:
                self._waiting.discard(number)
                self._deadlines.set(number, None)
                self._keep_packed(number, None)
                continue
            if activity.is_scheduled:
                self._waiting.add(number)
            else:
                self._waiting.discard(number)
            self._deadlines.set(number, min((deadline for deadline, _ in activity.deadlines()), default=None))
            self._keep_packed(number, activity.pack())
        self._touched.clear()

    def _keep_packed(self, number: int, packed: dict[str, object] | None) -> None:
        at = bisect_left(self._packed_numbers, number)
        there = at < len(self._packed_numbers) and self._packed_numbers[at] == number
        if packed is None:
            if there:
                del self._packed_numbers[at], self._packed[at]
            return
        data = msgpack.packb((number, packed), use_bin_type=True)
        if there:
            self._packed[at] = data
        else:
            self._packed_numbers.insert(at, number)
            self._packed.insert(at, data)


class Timers(dict[str, Timer]):
    """By timer id. Written to by item, `del` and `clear` only."""

    __slots__ = ("_by_event", "_deadlines")

    def __init__(self) -> None:
        self._by_event: dict[int, Timer] = {}
        self._deadlines = Deadlines()

    def __setitem__(self, timer_id: str, timer: Timer) -> None:
        # In a history, a timer's firing may stand behind the start of the next one of its id.
        if timer_id in self:
            del self[timer_id]
        super().__setitem__(timer_id, timer)
        self._by_event[timer.started_event_id] = timer
        self._deadlines.set(timer.started_event_id, timer.fires_at)

    def __delitem__(self, timer_id: str) -> None:
        number = self[timer_id].started_event_id
        super().__delitem__(timer_id)
        del self._by_event[number]
        self._deadlines.set(number, None)

    def clear(self) -> None:
        super().clear()
        self._by_event.clear()
        self._deadlines.clear()

    def earliest(self) -> Timer | None:
        found = self._deadlines.earliest()
        return None if found is None else self._by_event[found[1]]


class Children(dict[int, ChildWorkflow]):
    """By initiated event id. Written to by item and `del` only."""

    __slots__ = ("_unstarted",)

    def __init__(self) -> None:
        self._unstarted: set[int] = set()

    def __setitem__(self, number: int, child: ChildWorkflow) -> None:
        super().__setitem__(number, child)
        self._unstarted.add(number)

    def __delitem__(self, number: int) -> None:
        super().__delitem__(number)
        self._unstarted.discard(number)

    def start(self, number: int, started_event_id: int, run_id: str) -> None:
        child = self[number]
        child.started_event_id, child.run_id = started_event_id, run_id
        self._unstarted.discard(number)

    def have_unstarted(self) -> bool:
        return bool(self._unstarted)
