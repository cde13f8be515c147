"""Versions of the shipment with search attributes and memo (`workflows/attributes.py`)."""

from __future__ import annotations

from tests.replay.corpus.changes.shapes import ACTIVITY, Change, Outcome, Warned, act

HISTORIES = {"attributes": ("shipment*",)}

CHANGES = (
    Change("shipment-as-it-is", "attributes", ()),
    Change(
        "shipment-other-stage",
        "attributes",
        (('"packing"', '"boxing"'),),
        (),
        (Warned("UpsertWorkflowSearchAttributes", "attributes-changed"),),
    ),
    Change(
        "shipment-memo-removed",
        "attributes",
        (('        workflow.upsert_memo({"packed": name})\n', ""),),
        (Outcome("WorkflowPropertiesModified", "attributes-removed", "upsert_search_attributes"),),
    ),
    Change(
        "shipment-attributes-removed",
        "attributes",
        (('        workflow.upsert_search_attributes([STAGE.value_set("packing"), COUNT.value_set(1)])\n', ""),),
        (Outcome("UpsertWorkflowSearchAttributes", "attributes-removed", "activities.store"),),
    ),
    Change(
        "shipment-memo-added",
        "attributes",
        (
            (
                f"        {act('store', 'name')}",
                f'        workflow.upsert_memo({{"begun": name}})\n        {act("store", "name")}',
            ),
        ),
        (Outcome(f"{ACTIVITY} store", "attributes-added", "upsert_memo"),),
    ),
    Change(
        "shipment-memo-after-stage",
        "attributes",
        (
            (
                '        workflow.upsert_memo({"packed": name})\n        workflow.upsert_search_attributes([STAGE.value_set("moving")])\n',
                '        workflow.upsert_search_attributes([STAGE.value_set("moving")])\n        workflow.upsert_memo({"packed": name})\n',
            ),
        ),
        (Outcome("WorkflowPropertiesModified", "commands-reordered", "upsert_search_attributes"),),
    ),
)
