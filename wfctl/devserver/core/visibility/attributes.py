"""Search attributes: which exist everywhere, which names are taken, and how many a namespace may add."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio.api.enums.v1 import IndexedValueType

TEXT = IndexedValueType.INDEXED_VALUE_TYPE_TEXT
KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
INT = IndexedValueType.INDEXED_VALUE_TYPE_INT
DOUBLE = IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE
BOOL = IndexedValueType.INDEXED_VALUE_TYPE_BOOL
DATETIME = IndexedValueType.INDEXED_VALUE_TYPE_DATETIME
KEYWORD_LIST = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST
UNSPECIFIED = IndexedValueType.INDEXED_VALUE_TYPE_UNSPECIFIED

Types = Mapping[str, IndexedValueType.ValueType]

# How types are spelled in payload metadata, error messages and `--search-attribute`.
TYPE_NAMES: Mapping[IndexedValueType.ValueType, str] = {
    UNSPECIFIED: "Unspecified",
    TEXT: "Text",
    KEYWORD: "Keyword",
    INT: "Int",
    DOUBLE: "Double",
    BOOL: "Bool",
    DATETIME: "Datetime",
    KEYWORD_LIST: "KeywordList",
}

# Kept in columns of their own.
SYSTEM: Types = {
    "WorkflowId": KEYWORD,
    "RunId": KEYWORD,
    "WorkflowType": KEYWORD,
    "StartTime": DATETIME,
    "ExecutionTime": DATETIME,
    "CloseTime": DATETIME,
    "ExecutionStatus": KEYWORD,
    "TaskQueue": KEYWORD,
    "HistoryLength": INT,
    "ExecutionDuration": INT,
    "StateTransitionCount": INT,
    "HistorySizeBytes": INT,
    "ParentWorkflowId": KEYWORD,
    "ParentRunId": KEYWORD,
    "RootWorkflowId": KEYWORD,
    "RootRunId": KEYWORD,
}

# Defined in every namespace, kept with the custom ones; a workflow may set those in SETTABLE.
PREDEFINED: Types = {
    "TemporalChangeVersion": KEYWORD_LIST,
    "BinaryChecksums": KEYWORD_LIST,
    "BuildIds": KEYWORD_LIST,
    "BatcherNamespace": KEYWORD,
    "BatcherUser": KEYWORD,
    "TemporalScheduledStartTime": DATETIME,
    "TemporalScheduledById": KEYWORD,
    "TemporalSchedulePaused": BOOL,
    "TemporalNamespaceDivision": KEYWORD,
    "TemporalPauseInfo": KEYWORD_LIST,
    "TemporalReportedProblems": KEYWORD_LIST,
    "TemporalWorkerDeploymentVersion": KEYWORD,
    "TemporalWorkflowVersioningBehavior": KEYWORD,
    "TemporalWorkerDeployment": KEYWORD,
    "TemporalUsedWorkerDeploymentVersions": KEYWORD_LIST,
    "TemporalExternalPayloadCount": INT,
    "TemporalExternalPayloadSizeBytes": INT,
}
SETTABLE = frozenset(
    {
        "TemporalChangeVersion",
        "BinaryChecksums",
        "BuildIds",
        "BatcherNamespace",
        "BatcherUser",
        "TemporalScheduledStartTime",
        "TemporalScheduledById",
        "TemporalSchedulePaused",
        "TemporalNamespaceDivision",
        "TemporalPauseInfo",
        "TemporalReportedProblems",
    }
)

_RESERVED = frozenset({"NamespaceId", "MemoEncoding", "Memo", "VisibilityTaskKey"})

# How many custom attributes of a type one namespace may have, as on the real server's SQL stores.
LIMITS: Mapping[IndexedValueType.ValueType, int] = {
    BOOL: 3,
    INT: 3,
    DOUBLE: 3,
    DATETIME: 3,
    KEYWORD: 10,
    KEYWORD_LIST: 3,
    TEXT: 3,
}


def is_reserved(name: str) -> bool:
    """Whether the server keeps this name for itself."""
    return name in SYSTEM or name in PREDEFINED or name in _RESERVED or name.startswith("Temporal")


def field_name(value_type: IndexedValueType.ValueType, number: int) -> str:
    """The name of a type's n-th store field, as DescribeNamespace shows it behind an alias (Keyword01)."""
    return f"{TYPE_NAMES[value_type]}{number:02d}"


def field_type(field: str) -> IndexedValueType.ValueType:
    """The type of a store field, or UNSPECIFIED for a name that is none."""
    return _FIELD_TYPES.get(field, UNSPECIFIED)


_FIELD_TYPES: Types = {
    field_name(value_type, number): value_type for value_type, limit in LIMITS.items() for number in range(1, limit + 1)
}


def type_by_name(name: str) -> IndexedValueType.ValueType:
    """The type spelled `Keyword`, `keyword_list`, … ; UNSPECIFIED when there is none of that name."""
    wanted = name.replace("_", "").lower()
    for value_type, spelled in TYPE_NAMES.items():
        if spelled.lower() == wanted:
            return value_type
    return UNSPECIFIED
