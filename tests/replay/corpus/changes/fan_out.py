"""Versions of the fan-out over images (`workflows/fan_out.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, CALL, TASK, Change, Outcome, Warned

HISTORIES = {"fan_out": ("fan-out-*",)}

_LOOKUP = f'workflow.execute_activity(activities.lookup, ",".join(small), {CALL}'
_STORE_FIRST = f"workflow.execute_activity(activities.store, small[0], {CALL}"
_FIRST = f"        first = workflow.start_activity(activities.notify, text, {CALL}\n"
_SECOND = f"        second = workflow.start_activity(activities.audit, text, {CALL}\n"

CHANGES = (
    Change("fan-out-as-it-is", "fan_out", ()),
    Change(
        "fan-out-wider",
        "fan_out",
        (("[image, 100]", "[image, 200]"),),
        (),
        (Warned(f"{ACTIVITY} resize", "arguments-changed"),),
    ),
    Change(
        "fan-out-images-reversed",
        "fan_out",
        (("for image in images", "for image in reversed(images)"),),
        (),
        (
            Warned(
                f"{ACTIVITY} resize",
                "arguments-changed",
                ("fan-out-3", "fan-out-20", "fan-out-flaky", "fan-out-failed"),
            ),
        ),
    ),
    Change(
        "fan-out-one-image-less",
        "fan_out",
        (("for image in images", "for image in images[1:]"),),
        (Outcome(f"{ACTIVITY} resize", "activity-removed", "activities.resize", only=()),),
        (),
        "fan-out-3",
    ),
    Change(
        "fan-out-gather-swapped",
        "fan_out",
        (
            (
                f"            {_LOOKUP},\n            {_STORE_FIRST},",
                f"            {_STORE_FIRST},\n            {_LOOKUP},",
            ),
            ("total, name", "name, total"),
        ),
        (Outcome(f"{ACTIVITY} lookup", "activity-reordered", "activities.store"),),
    ),
    Change(
        "fan-out-gather-extended",
        "fan_out",
        (
            (
                f"            {_STORE_FIRST},",
                f'            {_STORE_FIRST},\n            workflow.execute_activity(activities.cleanup, "x", {CALL},',
            ),
            ("total, name =", "total, name, _ ="),
        ),
        (Outcome(f"{TASK} @{ACTIVITY} store", "activity-added", "activities.cleanup"),),
    ),
    Change(
        "fan-out-gather-renamed",
        "fan_out",
        (("activities.lookup", "activities.ship"),),
        (Outcome(f"{ACTIVITY} lookup", "activity-renamed", "activities.ship"),),
    ),
    Change(
        "fan-out-report-swapped",
        "fan_out",
        ((_FIRST + _SECOND, _SECOND + _FIRST),),
        (Outcome(f"{ACTIVITY} notify", "activity-reordered", "activities.audit"),),
    ),
    Change(
        "fan-out-report-in-a-row",
        "fan_out",
        ((_SECOND + "        await first\n", "        await first\n" + _SECOND),),
        (Outcome(f"{ACTIVITY} audit", "wait-changed", "await first"),),
    ),
    Change(
        "fan-out-report-removed",
        "fan_out",
        (('        await self._report(f"{total} {name}")\n', ""),),
        (Outcome(f"{ACTIVITY} notify", "activity-removed", "return [*small, name]"),),
    ),
    Change(
        "fan-out-over-a-set",
        "fan_out",
        (
            ("@workflow.defn", "@workflow.defn(sandboxed=False)"),
            (
                "        total, name",
                '        for kind in {"a", "b"}:\n            await workflow.execute_activity(kind, "x", start_to_close_timeout=SHORT)\n        total, name',
            ),
        ),
        (Outcome(f"{ACTIVITY} lookup", "nondeterministic-iteration-order", "activity(kind"),),
    ),
)
