"""JUnit XML: a suite for each workflow type, a case for each history.

It fits Jenkins's schema, which other CI servers read too. A verdict about the code is a `failure`; one about the check itself (bad history, timeout, infrastructure) is an `error`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from wfctl.output import Output
from wfctl.replay.model import Result, Summary, Verdict
from wfctl.replay.report.text import TextReport

_FAILURES = frozenset({Verdict.NONDETERMINISM, Verdict.UNREGISTERED, Verdict.DECODE_ERROR, Verdict.WORKFLOW_ERROR})
# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Sequence[Result], summary: Summary) -> str:
    """The whole document."""
    root = Element("testsuites", {"name": "wfctl replay check", **_totals(results), "time": f"{summary.seconds:.3f}"})
    suites: dict[str, list[Result]] = {}
    for result in results:
        suites.setdefault(result.workflow_type or "(unknown type)", []).append(result)
    for name, members in suites.items():
        seconds = sum(one.seconds for one in members)
        totals = {**_totals(members), "skipped": _count(members, {Verdict.SKIPPED}), "time": f"{seconds:.3f}"}
        suite = SubElement(root, "testsuite", {"name": _clean(name), **totals})
        for result in members:
            _case(suite, result)
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _totals(results: Sequence[Result]) -> dict[str, str]:
    failures = _count(results, _FAILURES)
    errors = _count(results, set(Verdict) - _FAILURES - {Verdict.COMPATIBLE, Verdict.SKIPPED})
    return {"tests": str(len(results)), "failures": failures, "errors": errors}


def _count(results: Sequence[Result], verdicts: Collection[Verdict]) -> str:
    return str(sum(1 for one in results if one.verdict in verdicts))


def _case(suite: Element, result: Result) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=_clean(result.workflow_type or "(unknown type)"),
        name=_clean(result.history),
        time=f"{result.seconds:.3f}",
    )
    if result.verdict is Verdict.SKIPPED:
        SubElement(case, "skipped").text = _clean(result.detail)
    elif result.verdict is not Verdict.COMPATIBLE:
        kind = "failure" if result.verdict in _FAILURES else "error"
        rule = f" {result.cause.rule}" if result.cause else ""
        problem = SubElement(case, kind, message=_clean(_first_line(result)), type=f"{result.verdict.value}{rule}")
        problem.text = _clean(_as_text(result))
    elif result.findings:
        SubElement(case, "system-out").text = _clean(_as_text(result))


def _first_line(result: Result) -> str:
    text = result.cause.message if result.cause else result.detail
    return text.split("\n", 1)[0]


def _as_text(result: Result) -> str:
    buffer = io.StringIO()
    TextReport(Output(stdout=buffer, color="never")).result(result)
    return buffer.getvalue()


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
