"""Versions of the parent of parcels and a courier (`workflows/children.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, AUDIT, CHILD, Change, Outcome, Warned, act

HISTORIES = {"children": ("children-*",)}

_COURIER = '        courier = await workflow.start_child_workflow(Courier.run, "courier", id=f"{me}/courier")\n'

CHANGES = (
    Change("children-as-it-is", "children", ()),
    Change(
        "children-other-ids",
        "children",
        (('id=f"{me}/{name}"', 'id=f"{me}-{name}"'),),
        (Outcome(f"{CHILD} Parcel", "child-id-changed", "Parcel.run"),),
    ),
    Change(
        "children-courier-id",
        "children",
        (('id=f"{me}/courier"', 'id="courier"'),),
        (Outcome(f"{CHILD} Courier", "child-id-changed", "Courier.run"),),
    ),
    Change(
        "children-random-ids",
        "children",
        ((', id=f"{me}/courier"', ""),),
        (Outcome(f"{CHILD} Courier", "child-id-changed", "Courier.run"),),
    ),
    Change(
        "children-courier-is-a-parcel",
        "children",
        (
            ('start_child_workflow(Courier.run, "courier"', 'start_child_workflow("Van", "courier"'),
            ("courier.signal(Courier.finish)", 'courier.signal("finish")'),
        ),
        (Outcome(f"{CHILD} Courier", "child-renamed", '"Van"'),),
    ),
    Change(
        "children-courier-removed",
        "children",
        (
            (_COURIER, ""),
            ("        await courier.signal(Courier.finish)\n        home = await courier\n", '        home = ""\n'),
        ),
        (
            Outcome(f"{CHILD} Courier", "child-removed", "Parcel.run", only=("children-two", "children-lost")),
            Outcome(f"{CHILD} Courier", "child-removed", "return [home", only=("children-none",)),
        ),
    ),
    Change(
        "children-another-courier",
        "children",
        (
            (
                _COURIER,
                _COURIER + '        await workflow.start_child_workflow(Courier.run, "spare", id=f"{me}/spare")\n',
            ),
        ),
        (
            Outcome(f"{CHILD} Parcel", "child-added", '"spare"'),
            Outcome("SignalExternalWorkflowExecutionInitiated", "child-added", '"spare"'),
        ),
    ),
    Change(
        "children-signal-removed",
        "children",
        (("        await courier.signal(Courier.finish)\n", ""),),
        (Outcome("SignalExternalWorkflowExecutionInitiated", "signal-removed", "await courier"),),
    ),
    Change(
        "children-signal-with-other-text",
        "children",
        (("courier.signal(Courier.finish)", 'courier.signal("done")'),),
        (),
        (Warned("SignalExternalWorkflowExecutionInitiated", "arguments-changed"),),
    ),
    Change(
        "children-activity-in-parcel",
        "children",
        ((f"        return {act('store', 'name')}", f"        {AUDIT}\n        return {act('store', 'name')}"),),
        (Outcome(f"{ACTIVITY} store", "activity-added", "activities.audit"),),
    ),
    Change(
        "children-audit-removed",
        "children",
        ((act("audit", 'f"{failed} lost"'), "pass"),),
        (Outcome(f"{ACTIVITY} audit", "activity-removed", "return [home"),),
    ),
    Change(
        "children-abandoned",
        "children",
        (('id=f"{me}/{name}")', 'id=f"{me}/{name}", parent_close_policy=workflow.ParentClosePolicy.ABANDON)'),),
        (),
        (Warned(f"{CHILD} Parcel", "options-changed"),),
    ),
)
