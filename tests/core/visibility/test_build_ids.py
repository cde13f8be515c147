"""The search attribute BuildIds."""

from __future__ import annotations

import json

from temporalio.api.common.v1 import SearchAttributes, WorkerVersionStamp

from wfctl.devserver.core.visibility.build_ids import add


def test_each_build_is_there_once_in_the_order_of_its_work() -> None:
    fields = SearchAttributes().indexed_fields
    assert add(fields, None)
    assert not add(fields, WorkerVersionStamp())
    assert add(fields, WorkerVersionStamp(build_id="b1"))
    assert not add(fields, WorkerVersionStamp(build_id="b1"))
    assert add(fields, WorkerVersionStamp(build_id="b2", use_versioning=True))
    assert json.loads(fields["BuildIds"].data) == ["unversioned", "unversioned:b1", "versioned:b2"]
    assert fields["BuildIds"].metadata["type"] == b"KeywordList"
