"""Search attributes that a client sets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, SearchAttributes

from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.visibility import attributes as known
from wfctl.devserver.core.visibility.validation import check
from wfctl.devserver.settings import Settings

TYPES: known.Types = {name: number for number, name in known.TYPE_NAMES.items() if number}


def attributes(**values: Any) -> SearchAttributes:
    return SearchAttributes(
        indexed_fields={
            name: value
            if isinstance(value, Payload)
            else Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())
            for name, value in values.items()
        }
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Text", "t"),
        ("Keyword", ["one"]),
        ("Keyword", []),
        ("Int", 7),
        ("Double", 7),
        ("Bool", False),
        ("Datetime", "2024-01-01T00:00:00.5+02:00"),
        ("KeywordList", ["a", "b"]),
        ("KeywordList", []),
        ("Int", None),
        ("Int", Payload(metadata={"encoding": b"binary/null"})),
        ("BuildIds", ["unversioned"]),
    ],
)
def test_a_value_of_its_type_passes(name: str, value: Any) -> None:
    check(attributes(**{name: value}), "default", TYPES, Settings())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Missing", "x", "Namespace default has no mapping defined for search attribute Missing"),
        ("RunId", "x", "RunId attribute can't be set in SearchAttributes"),
        ("TemporalWorkerDeployment", "x", "TemporalWorkerDeployment attribute can't be set in SearchAttributes"),
        ("Int", "x", "invalid value for search attribute Int of type Int: x"),
        ("Int", 1.5, "invalid value for search attribute Int of type Int: 1.5"),
        ("Int", True, "invalid value for search attribute Int of type Int: true"),
        ("Keyword", ["a", "b"], "invalid value for search attribute Keyword of type Keyword: [a b]"),
        ("KeywordList", "a", "invalid value for search attribute KeywordList of type KeywordList: a"),
        ("Datetime", "soon", "invalid value for search attribute Datetime of type Datetime: soon"),
        ("Text", {"b": 1, "a": None}, "invalid value for search attribute Text of type Text: map[a:<nil> b:1]"),
    ],
)
def test_what_may_not_be_set_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check(attributes(**{name: value}), "default", TYPES, Settings())
    assert caught.value.message == message


def test_sizes_and_their_number_are_limited() -> None:
    settings = replace(
        Settings(), search_attribute_value_size=10, search_attributes_total_size=60, search_attributes_count=2
    )
    with pytest.raises(InvalidArgument, match="search attribute Text value size 13 exceeds size limit 10"):
        check(attributes(Text="elevenchars"), "default", TYPES, settings)
    with pytest.raises(InvalidArgument, match=r"total size of search attributes \d+ exceeds size limit 60"):
        check(attributes(Text="short", Keyword="short"), "default", TYPES, settings)
    with pytest.raises(InvalidArgument, match="number of search attributes 3 exceeds limit 2"):
        check(attributes(Text="a", Keyword="b", Int=1), "default", TYPES, settings)
