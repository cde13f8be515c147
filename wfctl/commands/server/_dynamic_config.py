"""`--dynamic-config-value KEY=JSON` and the `settings` of a config file: names of the real server, fields of ours."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from wfctl.devserver.settings import Settings
from wfctl.errors import UsageMistake
from wfctl.view.durations import parse_duration

# The real server's name (lower case; it does not mind case either) → the settings it stands for.
NAMES: Mapping[str, tuple[str, ...]] = {
    "limit.maxidlength": ("max_id_length",),
    "limit.blobsize.error": ("blob_size_error",),
    "limit.blobsize.warn": ("blob_size_warn",),
    "limit.mutablestateactivityfailuresize.error": ("activity_failure_size",),
    "limit.memosize.error": ("memo_size_error",),
    "limit.workflowtaskcompletionbuffersize": ("workflow_task_completion_size_error",),
    "limit.historycount.suggestcontinueasnew": ("history_count_suggest_continue_as_new",),
    "limit.historysize.suggestcontinueasnew": ("history_size_suggest_continue_as_new",),
    "limit.historycount.error": ("history_count_error",),
    "limit.historysize.error": ("history_size_error",),
    "limit.numpendingactivities.error": ("pending_activities",),
    "limit.numpendingchildexecutions.error": ("pending_children",),
    "limit.numpendingsignals.error": ("pending_signals",),
    "limit.numpendingcancelrequests.error": ("pending_cancel_requests",),
    "history.maximumsignalsperexecution": ("max_signals_per_execution",),
    "history.maxinflightupdates": ("max_in_flight_updates",),
    "history.maxinflightupdatepayloads": ("max_in_flight_update_bytes",),
    "history.maxtotalupdates": ("max_total_updates",),
    "history.maximumbufferedeventsbatch": ("max_buffered_events",),
    "history.maximumbufferedeventssizeinbytes": ("max_buffered_bytes",),
    "history.maxbufferedquerycount": ("max_buffered_queries",),
    "limit.searchattributessizeofvalue": ("search_attribute_value_size",),
    "limit.searchattributestotalsize": ("search_attributes_total_size",),
    "limit.searchattributesnumberofkeys": ("search_attributes_count",),
    "frontend.searchattributessizeofvaluelimit": ("search_attribute_value_size",),
    "frontend.searchattributestotalsizelimit": ("search_attributes_total_size",),
    "frontend.searchattributesnumberofkeyslimit": ("search_attributes_count",),
    "matching.longpollexpirationinterval": ("long_poll_seconds",),
    "history.longpollexpirationinterval": ("history_long_poll_seconds", "update_long_poll_seconds"),
    "history.defaultworkflowtasktimeout": ("workflow_task_timeout_seconds",),
    "history.workflowtaskheartbeattimeout": ("workflow_task_heartbeat_seconds",),
    "history.workflowidreuseminimalinterval": ("continue_as_new_min_interval_seconds",),
    "system.enablecrossnamespacecommands": ("cross_namespace_commands",),
}

_SWITCHES = frozenset(field.name for field in dataclasses.fields(Settings) if isinstance(field.default, bool))

# What SDKs and their test suites pass: it turns on what wfctl always does, or tunes what wfctl has none of.
_WITHOUT_A_WORD = re.compile(
    r"(?ix) (frontend|worker)\. .*"
    r"| .* \. (\w*enable\w* | \w*rps\w* | \w*qps\w* | \w*apis\w* | \w*ratelimit\w*)"
    r"| system\.(forcesearchattributescacherefreshonread|refreshnexusendpointsminwait)"
    r"| (component|callback|nexusoperation|chasm|activity)\. .*"
    r"| matching\.(usenewmatcher|.*partitions)"
)


def read_flags(pairs: Iterable[str], settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with these `KEY=JSON` values, and the keys that mean nothing here."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageMistake(
                f"--dynamic-config-value '{pair}' is not KEY=JSON", hint='as in limit.maxIDLength=500 or key="text"'
            )
        try:
            values[key] = json.loads(text)
        except ValueError:
            raise UsageMistake(
                f"--dynamic-config-value {key}: {text} is not JSON", hint=f"strings need quotes: {key}='\"{text}\"'"
            ) from None
    return apply_names(values, settings)


def apply_names(values: Mapping[str, Any], settings: Settings) -> tuple[Settings, list[str]]:
    """As `read_flags`, for values that are parsed already."""
    changes: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in values.items():
        fields = NAMES.get(key.lower())
        if fields is None:
            if not _WITHOUT_A_WORD.fullmatch(key):
                unknown.append(key)
            continue
        for field in fields:
            changes[field] = _value(key, field, value)
    return dataclasses.replace(settings, **changes), unknown


def apply_fields(values: Mapping[str, Any], settings: Settings) -> tuple[Settings, list[str]]:
    """`settings` of a config file: our field names, dashes allowed, or the real server's names (which have a dot)."""
    known = {field.name for field in dataclasses.fields(Settings)}
    changes: dict[str, Any] = {}
    for key, value in values.items():
        field = key.replace("-", "_")
        if field in known:
            changes[field] = _value(key, field, value)
        elif "." not in key:
            close = get_close_matches(field, known, n=1)
            raise UsageMistake(
                f"there is no setting '{key}'",
                hint=f"did you mean '{close[0]}'?" if close else "see docs/compatibility.md",
            )
    dotted = {key: value for key, value in values.items() if "." in key}
    return apply_names(dotted, dataclasses.replace(settings, **changes))


def _value(key: str, field: str, value: Any) -> int | float | bool:
    """A number, for a duration also `20s`, for a switch true or false. The real server also takes a list of constrained values: its first."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "value" in value[0]:
        value = value[0]["value"]
    if field in _SWITCHES:
        if not isinstance(value, bool):
            raise UsageMistake(f"{key}: {json.dumps(value)} is neither true nor false")
        return value
    if isinstance(value, str) and field.endswith("_seconds"):
        try:
            return parse_duration(value).total_seconds()
        except ValueError as error:
            raise UsageMistake(f"{key}: {error}") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise UsageMistake(f"{key}: {json.dumps(value)} is not a number that is zero or more")
    return value if field.endswith("_seconds") else int(value)
