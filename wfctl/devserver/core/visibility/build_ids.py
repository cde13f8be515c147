"""The search attribute BuildIds: which builds have worked on a run."""

from __future__ import annotations

import json
from collections.abc import MutableMapping

from temporalio.api.common.v1 import Payload, WorkerVersionStamp

NAME = "BuildIds"
UNVERSIONED = "unversioned"


def add(fields: MutableMapping[str, Payload], stamp: WorkerVersionStamp | None) -> bool:
    """A worker completed a task of the run; whether that is news."""
    before = json.loads(fields[NAME].data) if NAME in fields else []
    builds = list(before)
    for build in _builds_of(stamp):
        if build not in builds:
            builds.append(build)
    if builds == before:
        return False
    payload = Payload(metadata={"encoding": b"json/plain", "type": b"KeywordList"})
    payload.data = json.dumps(builds, separators=(",", ":")).encode()
    fields[NAME].CopyFrom(payload)
    return True


def _builds_of(stamp: WorkerVersionStamp | None) -> list[str]:
    if stamp is None or not stamp.build_id:
        return [UNVERSIONED]
    if stamp.use_versioning:
        return [f"versioned:{stamp.build_id}"]
    return [UNVERSIONED, f"{UNVERSIONED}:{stamp.build_id}"]
