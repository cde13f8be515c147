"""Search attributes and memo, written as the work goes on."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from tests.replay.corpus import activities

SHORT = timedelta(seconds=10)
STAGE = SearchAttributeKey.for_keyword("CustomKeywordField")
COUNT = SearchAttributeKey.for_int("CustomIntField")


@workflow.defn
class Shipment:
    @workflow.run
    async def run(self, name: str) -> str:
        workflow.upsert_search_attributes([STAGE.value_set("packing"), COUNT.value_set(1)])
        await workflow.execute_activity(activities.store, name, start_to_close_timeout=SHORT)
        workflow.upsert_memo({"packed": name})
        workflow.upsert_search_attributes([STAGE.value_set("moving")])
        await workflow.sleep(timedelta(milliseconds=50))
        await workflow.execute_activity(activities.ship, name, start_to_close_timeout=SHORT)
        return name
