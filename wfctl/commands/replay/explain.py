"""`wfctl replay explain`."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from wfctl.commands._session import Session, session
from wfctl.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from wfctl.replay.catalogue import Rule

_WIDTH = 96


def explain(
    ctx: typer.Context,
    rule: Annotated[
        str | None, typer.Argument(help="Rule id, as a check or a lint reports it. None: list them all.")
    ] = None,
) -> None:
    """Say what a rule means, why it happens and how it is mended.

    wfctl replay explain activity-added
    """
    from wfctl.replay import catalogue
    from wfctl.replay.lint import rules as of_lint

    every = {**catalogue.RULES, **of_lint.RULES}
    with session(ctx) as opened:
        if rule is None:
            _list(opened, list(every.values()))
            return
        found = every.get(rule.lower())
        if found is None:
            close = difflib.get_close_matches(rule.lower(), every, 1)
            hint = f"did you mean '{close[0]}'?" if close else "`wfctl replay explain` lists them"
            raise CommandError(f"there is no rule '{rule}'", hint=hint, exit_code=ExitCode.NOT_FOUND)
        _show(opened, found)


def _list(opened: Session, rules: list[Rule]) -> None:
    with opened.out.listing():
        for one in rules:
            opened.out.value(_value(one))
    opened.out.table(("Rule", "Severity", "What"), [(one.id, one.severity, one.title) for one in rules], flexible=2)


def _show(opened: Session, one: Rule) -> None:
    opened.out.value(_value(one))
    opened.out.heading(f"{one.id} ({one.severity})")
    opened.out.line(one.title)
    for name, text in (("Cause", one.cause), ("What happens", one.explanation), ("Fix", one.fix)):
        if text:
            opened.out.line()
            opened.out.line(opened.out.paint(name, "bold"))
            for paragraph in text.split("\n"):
                opened.out.line(_wrapped(paragraph))


def _wrapped(paragraph: str) -> str:
    """Prose is wrapped; code, which is indented, is left as it is."""
    return paragraph if paragraph.startswith(" ") else textwrap.fill(paragraph, _WIDTH)


def _value(one: Rule) -> dict[str, str]:
    return {
        "id": one.id,
        "severity": one.severity.value,
        "title": one.title,
        "cause": one.cause,
        "explanation": one.explanation,
        "fix": one.fix,
    }
