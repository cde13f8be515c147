"""Retry policies: defaults, and when the next attempt comes. Shared by activities and workflows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure

DEFAULT_INITIAL_INTERVAL_SECONDS = 1.0
DEFAULT_BACKOFF_COEFFICIENT = 2.0
DEFAULT_MAXIMUM_INTERVAL_COEFFICIENT = 100.0
# A retry never waits longer than this; keeps times representable.
LONGEST_INTERVAL_SECONDS = 100 * 365 * 86400.0


def with_defaults(policy: RetryPolicy) -> RetryPolicy:
    """The policy with the server's defaults filled in: 1 s, coefficient 2, at most 100 × the initial interval."""
    filled = RetryPolicy()
    filled.CopyFrom(policy)
    if not filled.initial_interval.ToTimedelta():
        filled.initial_interval.FromTimedelta(timedelta(seconds=DEFAULT_INITIAL_INTERVAL_SECONDS))
    if filled.backoff_coefficient == 0:
        filled.backoff_coefficient = DEFAULT_BACKOFF_COEFFICIENT
    if not filled.maximum_interval.ToTimedelta():
        initial = filled.initial_interval.ToTimedelta().total_seconds()
        filled.maximum_interval.FromTimedelta(
            timedelta(seconds=min(initial * DEFAULT_MAXIMUM_INTERVAL_COEFFICIENT, LONGEST_INTERVAL_SECONDS))
        )
    return filled


@dataclass(frozen=True, slots=True)
class Decision:
    """Retry after `backoff_seconds`, or give up for the reason that `state` names."""

    state: RetryState.ValueType
    backoff_seconds: float | None = None


def decide(
    policy: RetryPolicy | None,
    attempt: int,
    now: datetime,
    expiration: datetime | None,
    failure: Failure | None,
    *,
    retryable: bool = True,
) -> Decision:
    """Whether attempt `attempt`, which ended with `failure` at `now`, is followed by another."""
    if policy is None:
        return Decision(RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET)
    if not retryable or (failure is not None and not is_retryable(failure, policy.non_retryable_error_types)):
        return Decision(RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE)
    if policy.maximum_attempts and attempt >= policy.maximum_attempts:
        return Decision(RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED)
    backoff = requested_delay_seconds(failure)
    if backoff == 0:
        return Decision(RetryState.RETRY_STATE_TIMEOUT)  # as the real server takes a delay of zero
    if backoff is None:
        backoff = interval_seconds(policy, attempt)
    if expiration is not None and now + timedelta(seconds=backoff) > expiration:
        return Decision(RetryState.RETRY_STATE_TIMEOUT)
    return Decision(RetryState.RETRY_STATE_IN_PROGRESS, backoff)


def interval_seconds(policy: RetryPolicy, attempt: int) -> float:
    """The pause after attempt number `attempt` (1-based)."""
    initial = policy.initial_interval.ToTimedelta().total_seconds()
    maximum = policy.maximum_interval.ToTimedelta().total_seconds() or LONGEST_INTERVAL_SECONDS
    try:
        interval = initial * policy.backoff_coefficient ** (attempt - 1)
    except OverflowError:
        return maximum
    return min(interval, maximum)


def requested_delay_seconds(failure: Failure | None) -> float | None:
    """`next_retry_delay` of an application failure, which overrides the policy's interval."""
    if failure is None or not failure.HasField("application_failure_info"):
        return None
    info = failure.application_failure_info
    if not info.HasField("next_retry_delay"):
        return None
    delay = info.next_retry_delay
    return min(delay.seconds + delay.nanos / 1e9, LONGEST_INTERVAL_SECONDS)


def is_retryable(failure: Failure, non_retryable_types: object = ()) -> bool:
    """By the failure's kind, its own flag, and the policy's list of error types."""
    kind = failure.WhichOneof("failure_info")
    if kind in ("terminated_failure_info", "canceled_failure_info"):
        return False
    if kind == "timeout_failure_info":
        timeout_type = failure.timeout_failure_info.timeout_type
        if timeout_type not in (TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE, TimeoutType.TIMEOUT_TYPE_HEARTBEAT):
            return False
        name = "StartToClose" if timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE else "Heartbeat"
        return f"TemporalTimeout:{name}" not in _strings(non_retryable_types)
    if kind == "server_failure_info":
        return not failure.server_failure_info.non_retryable
    if kind == "application_failure_info":
        info = failure.application_failure_info
        return not info.non_retryable and info.type not in _strings(non_retryable_types)
    return True


def _strings(values: object) -> tuple[str, ...]:
    return tuple(values)  # type: ignore[arg-type]
