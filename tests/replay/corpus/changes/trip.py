"""Versions of the trip (`workflows/trip.py`): compensation in `finally`, shielded."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, Change, Outcome

HISTORIES = {"trip": ("trip-*",)}

_AT_HOME, _CANCELLED = ("trip-home",), ("trip-cancelled",)
_HOTEL = (
    '            undo.add("cancel_hotel", traveller)\n'
    '            await workflow.execute_activity("book_hotel", traveller, start_to_close_timeout=FAST)\n'
)

CHANGES = (
    Change("trip-as-it-is", "trip", ()),
    Change(
        "trip-undone-in-order",
        "trip",
        (("self._todo.pop()", "self._todo.pop(0)"),),
        (Outcome(f"{ACTIVITY} cancel_car", "activity-reordered", "execute_activity(activity"),),
    ),
    Change(
        "trip-never-undone",
        "trip",
        (("            if not ok:\n                await asyncio.shield(undo.run())\n", "            pass\n"),),
        (
            Outcome(f"{ACTIVITY} cancel_flight", "activity-removed", "pass", only=_AT_HOME),
            Outcome(f"{ACTIVITY} cancel_car", "activity-removed", "pass", only=_CANCELLED),
        ),
    ),
    Change(
        "trip-car-only-on-demand",
        "trip",
        (("car: bool = True", "car: bool = False"),),
        (Outcome(f"{ACTIVITY} book_car", "branch-changed", "start_activity"),),
    ),
    Change(
        "trip-hotel-removed",
        "trip",
        ((_HOTEL, ""),),
        (Outcome(f"{ACTIVITY} book_hotel", "activity-removed", '"book_car"'),),
    ),
    Change(
        "trip-watch-never-cancelled",
        "trip",
        (("        if not watch.done():\n            watch.cancel()\n", ""),),
        (Outcome("ActivityTaskCancelRequested", "cancel-removed", ""),),
    ),
)
