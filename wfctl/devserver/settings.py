"""Server settings: the real server's defaults, by the name of its dynamic configuration where it has one."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and timings. Sizes in bytes, durations in seconds."""

    max_id_length: int = 1000  # limit.maxIDLength
    blob_size_error: int = 2 * MIB  # limit.blobSize.error
    blob_size_warn: int = 512 * 1024  # limit.blobSize.warn; failures that are too large are cut to it
    activity_failure_size: int = 4 * 1024  # limit.mutableStateActivityFailureSize.error
    memo_size_error: int = 2 * MIB  # limit.memoSize.error
    workflow_task_completion_size_error: int = 40 * MIB  # limit.workflowTaskCompletionBufferSize
    message_size_error: int = 4 * MIB  # gRPC's own limit
    history_count_suggest_continue_as_new: int = 4 * 1024  # limit.historyCount.suggestContinueAsNew
    history_size_suggest_continue_as_new: int = 4 * MIB  # limit.historySize.suggestContinueAsNew
    history_count_error: int = 50 * 1024  # limit.historyCount.error
    history_size_error: int = 50 * MIB  # limit.historySize.error
    pending_activities: int = 2000  # limit.numPendingActivities.error
    pending_children: int = 2000  # limit.numPendingChildExecutions.error
    pending_signals: int = 2000  # limit.numPendingSignals.error
    pending_cancel_requests: int = 2000  # limit.numPendingCancelRequests.error
    max_signals_per_execution: int = 10000  # history.maximumSignalsPerExecution
    max_in_flight_updates: int = 10  # history.maxInFlightUpdates
    max_in_flight_update_bytes: int = 20 * MIB  # history.maxInFlightUpdatePayloads
    max_total_updates: int = 2000  # history.maxTotalUpdates
    total_updates_suggest_continue_as_new: int = 1800  # history.maxTotalUpdates.suggestContinueAsNewThreshold
    max_buffered_events: int = 100  # history.maximumBufferedEventsBatch
    max_buffered_bytes: int = 2 * MIB  # history.maximumBufferedEventsSizeInBytes
    max_buffered_queries: int = 1  # history.maxBufferedQueryCount
    query_timeout_seconds: float = 30.0  # of a client that sets no deadline
    search_attribute_value_size: int = 2048  # limit.searchAttributesSizeOfValue
    search_attributes_total_size: int = 40 * 1024  # limit.searchAttributesTotalSize
    search_attributes_count: int = 100  # limit.searchAttributesNumberOfKeys
    long_poll_seconds: float = 60.0  # matching.longPollExpirationInterval
    history_long_poll_seconds: float = 20.0  # history.longPollExpirationInterval
    update_long_poll_seconds: float = 20.0  # history.longPollExpirationInterval
    sticky_schedule_to_start_seconds: float = 5.0
    workflow_task_timeout_seconds: float = 10.0  # history.defaultWorkflowTaskTimeout
    workflow_task_timeout_max_seconds: float = 120.0
    workflow_task_heartbeat_seconds: float = 1800.0  # history.workflowTaskHeartbeatTimeout
    continue_as_new_min_interval_seconds: float = 1.0  # history.workflowIdReuseMinimalInterval
    cross_namespace_commands: bool = False  # system.enableCrossNamespaceCommands
    cache_bytes: int = 256 * MIB  # open runs kept in memory
    max_requests: int = 5_000  # under way at once; see rpc/admission.py
    max_request_bytes: int = 128 * MIB  # of those together
    max_waiting_calls: int = 20_000  # polls and other long calls
    max_backlog_tasks: int = 250_000  # of a namespace, waiting for workers
