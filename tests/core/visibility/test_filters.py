"""The filter grammar: what it means, and what it says when it means nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfctl.devserver.core.visibility import attributes as known
from wfctl.devserver.core.visibility.filters import All, Any, Compare, Filter, IsNull, Negation, parse_duration, read
from wfctl.devserver.core.visibility.syntax import QueryError
from wfctl.devserver.core.visibility.values import parse_datetime, text_matches

TYPES: known.Types = {"Word": known.KEYWORD, "Number": known.INT, "Prose": known.TEXT, "Status": known.KEYWORD}


def meaning(query: str) -> Filter:
    """The condition, without the one that hides the server's own runs."""
    condition = read(query, TYPES).filter
    assert isinstance(condition, All)
    assert isinstance(condition.parts[-1], IsNull)
    return condition.parts[0]


def refusal(query: str) -> str:
    with pytest.raises(QueryError) as caught:
        read(query, TYPES)
    return caught.value.message


def shape(node: Filter) -> str:
    match node:
        case All(parts):
            return f"({' & '.join(map(shape, parts))})"
        case Any(parts):
            return f"({' | '.join(map(shape, parts))})"
        case Negation(part):
            return f"!{shape(part)}"
        case Compare(_, _, value):
            return str(value)
        case _:
            return "?"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Number = 1 OR Number = 2 AND Number = 3", "(1 | (2 & 3))"),
        ("(Number = 1 OR Number = 2) AND Number = 3", "((1 | 2) & 3)"),
        ("NOT Number = 1 AND Number = 2", "(!1 & 2)"),
        ("NOT NOT Number = 1", "!!1"),
        ("number = 1 || Number = 2".replace("number", "Number"), "(1 | 2)"),
        ("Number = 1 && Number = 2;", "(1 & 2)"),
        ("Number = -7", "-7"),
        ("Number = - -7", "7"),
        ("Number = 99999999999999999999", "1e+20"),
        ("Word = 'it''s' -- a remark", "it's"),
        ('Word = /* a remark */ "x\\ty"', "x\ty"),
        ("Status = 'x'", "x"),
    ],
)
def test_a_query_means(query: str, expected: str) -> None:
    assert shape(meaning(query)) == expected


def test_an_empty_query_is_every_run_but_the_servers_own() -> None:
    assert read("  ", {}).filter == read("", {}).filter
    assert isinstance(read("", {}).filter, All)


def test_system_attributes_go_by_either_spelling() -> None:
    for query in ("TemporalWorkflowId = 'a'", "WorkflowId = 'a'", "ScheduleId = 'a'"):
        found = meaning(query)
        assert isinstance(found, Compare)
        assert found.attribute.name == "WorkflowId"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("Number = ", "malformed SQL query: syntax error at position 36"),
        ("Number = 1 Number", "malformed SQL query: syntax error at position 45 near 'Number'"),
        ("Number = 1)", "malformed SQL query: syntax error at position 39"),
        ("Word = 'open", "malformed SQL query: syntax error at position 40 near 'open'"),
        ("Number IN 1", "malformed SQL query: syntax error at position 39 near '1'"),
        ("key = 1", "malformed SQL query: syntax error at position 31 near 'key'"),
        ("é = 1", "malformed SQL query: syntax error at position 29 near '\ufffd'"),
        ("Number", "invalid expression: incomplete expression"),
        ("lower(Number)", "operation is not supported: function expression"),
        ("2 = Number", "invalid expression: must be a column name but was *sqlparser.SQLVal"),
        ("Number = lower('a')", "operation is not supported: nested func"),
        ("Number = (SELECT 1)", "invalid expression: unexpected value type *sqlparser.Subquery"),
        ("Number > -1.5", "invalid expression: unexpected value type *sqlparser.UnaryExpr"),
        ("Number IS TRUE", "invalid expression: 'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'"),
        ("Nothing = 1", "invalid search attribute: Nothing"),
        (
            "Word = 3",
            "invalid expression: invalid value type for search attribute Word of type Keyword: 3 (type: int64)",
        ),
        ("StartTime > 'soon'", "invalid expression: unable to parse datetime 'soon'"),
        ("Word = 'a' ORDER BY Word", "operation is not supported: 'ORDER BY' clause"),
        ("Word = 'a' LIMIT 2, 3", "operation is not supported: 'LIMIT' clause"),
        ("Prose BETWEEN 'a' AND 'b'", "cannot do range condition on search attribute 'Prose' of type Text"),
    ],
)
def test_what_means_nothing_is_refused_with_a_reason(query: str, message: str) -> None:
    assert message in refusal(query)


def test_a_nested_query_ends_in_an_error_not_in_a_crash() -> None:
    for opening in ("(", "NOT ", "Number = - ", "Number = BINARY "):
        deep = opening * 5000 if "=" not in opening else "Number = " + opening.removeprefix("Number = ") * 5000
        assert "max nesting level reached" in refusal(deep + "1")
    assert isinstance(meaning(f"Number IN ({', '.join(map(str, range(5000)))})"), Compare)
    assert "more than 500" in refusal(" OR ".join(["Number = 1"] * 5000))


@given(st.text(max_size=60) | st.text(alphabet="'\"`()=<>!.,;- \\NumberWordANDORINnot12", max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(QueryError):
        read(text, TYPES)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("1d", 86400), ("-1.5h", -5400), ("01:02:03", 3723)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds * 10**9


@pytest.mark.parametrize("text", ["", "soon", "1:00", "1 h", "h"])
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


def test_times_keep_their_nanoseconds() -> None:
    assert parse_datetime("2024-01-01T00:00:00.123456789Z") == 1704067200123456789
    assert parse_datetime("2024-01-01T01:00:00+01:00") == 1704067200 * 10**9
    for text in ("2024-01-01", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00"):
        with pytest.raises(ValueError, match="time"):
            parse_datetime(text)


def test_text_is_matched_by_whole_words() -> None:
    assert text_matches("Crème brûlée, twice", "CREME")
    assert text_matches("Crème brûlée, twice", "nothing brulee-twice")
    assert not text_matches("Crème brûlée", "brul")
