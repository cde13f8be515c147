"""The tables, as versions that are applied in order. A released version is never edited; add the next one."""

from __future__ import annotations

# executions.pending: 1 when tasks wait for a worker or another run waits to be told something; boot loads just these.
# executions.unevented: the state that no event tells (attempts, heartbeats, sticky queue, buffered events; msgpack).
# history.position: run_key << 20 | first event id; events of one run lie side by side.
VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE namespaces (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    record BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE task_queues (
    namespace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (namespace_id, name)
) WITHOUT ROWID;
CREATE TABLE executions (
    run_key INTEGER PRIMARY KEY,
    namespace_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    status INTEGER NOT NULL,
    next_event_id INTEGER NOT NULL,
    deadline REAL,
    pending INTEGER NOT NULL,
    unevented BLOB NOT NULL
);
CREATE INDEX executions_by_workflow ON executions (namespace_id, workflow_id, run_key);
CREATE INDEX executions_open ON executions (run_key) WHERE status = 1 OR pending = 1;
CREATE TABLE history (position INTEGER PRIMARY KEY, events BLOB NOT NULL);
CREATE TABLE visibility (
    run_key INTEGER PRIMARY KEY,
    namespace_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    status INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    execution_time INTEGER NOT NULL,
    close_time INTEGER,
    task_queue TEXT NOT NULL,
    history_length INTEGER,
    history_size_bytes INTEGER,
    state_transition_count INTEGER,
    parent_workflow_id TEXT,
    parent_run_id TEXT,
    root_workflow_id TEXT NOT NULL,
    root_run_id TEXT NOT NULL,
    memo BLOB,
    search_attributes BLOB,
    custom TEXT
);
CREATE INDEX visibility_newest ON visibility (namespace_id, coalesce(close_time, 9223372036854775807) DESC, start_time DESC);
"""

VERSIONS: tuple[str, ...] = (VERSION_1,)
CURRENT_VERSION = len(VERSIONS)
