"""`--chain`: from a judged history to the runs it leads to, looked for where the history itself came from."""

from __future__ import annotations

from dataclasses import replace

from wfctl.replay.database_source import DatabaseSource
from wfctl.replay.messages import Follow
from wfctl.replay.server_source import Run, ServerSource
from wfctl.replay.sources import StoredHistory, sibling_of


class Chain:
    """A `Chaser`."""

    def __init__(self, server: ServerSource | None = None, database: DatabaseSource | None = None) -> None:
        self._server, self._database = server, database

    def __call__(self, stored: StoredHistory, follow: Follow) -> StoredHistory:
        found = self._found(stored, follow)
        if found is not None:
            return replace(found, workflow_id=found.workflow_id or follow.workflow_id)
        return StoredHistory(
            f"{follow.relation}:{follow.workflow_id}/{follow.run_id}",
            workflow_id=follow.workflow_id,
            run_id=follow.run_id,
            missing=f"{stored.origin} leads to this {follow.relation}; no history of it was found beside it",
        )

    def _found(self, stored: StoredHistory, follow: Follow) -> StoredHistory | None:
        if stored.database and self._database is not None:
            return self._database.find(follow.workflow_id, follow.run_id)
        if stored.path:
            return sibling_of(stored, follow.run_id)
        if stored.origin.startswith("server:") and self._server is not None:
            return self._server.download(Run(follow.workflow_id, follow.run_id, ""))
        return None
