"""Text for people: a line for each history that passes, a block for each that does not, a summary."""

from __future__ import annotations

import re

from wfctl.output import Output, Paint
from wfctl.replay.model import Aligned, Command, Finding, Location, Result, Severity, Summary, Verdict

# Control characters, but for tab and for the escape that our own colours begin with.
_UNSAFE = re.compile("[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\\[[0-9]{1,2}m)")
_PAINT: dict[Verdict, Paint] = {Verdict.COMPATIBLE: "green", Verdict.SKIPPED: "dim"}
_SIGN: dict[Verdict, str] = {Verdict.COMPATIBLE: "✓", Verdict.SKIPPED: "-"}


class TextReport:
    """Writes as results come; `quiet` leaves out histories that pass without a remark."""

    def __init__(self, out: Output, *, quiet: bool = False) -> None:
        self._out, self._quiet = out, quiet
        self._said: set[tuple[object, ...]] = set()

    def result(self, one: Result) -> None:
        if self._quiet and one.verdict is Verdict.COMPATIBLE and not one.findings:
            return
        paint = _PAINT.get(one.verdict, "red")
        sign = self._out.paint(f"{_SIGN.get(one.verdict, '✗')} {one.verdict.value}", paint)
        name = f" {one.workflow_type}" if one.workflow_type else ""
        self._line(f"{sign}{name}  {one.history}{self._remark(one)}")
        if one.verdict is not Verdict.COMPATIBLE and one.detail and not one.cause:
            self._line(f"    {one.detail}")
        for finding in one.findings:
            self._finding(finding)

    def _line(self, text: str = "") -> None:
        """What comes from histories and from other people's code may hold anything; the terminal must not obey it."""
        self._out.line(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text))

    def _remark(self, one: Result) -> str:
        if one.verdict is not Verdict.COMPATIBLE or one.judged_to_event_id >= one.events:
            return ""
        return self._out.paint(f"  (judged to event {one.judged_to_event_id} of {one.events})", "dim")

    def _finding(self, one: Finding) -> None:
        paint: Paint = "red" if one.severity is Severity.ERROR else "yellow"
        first, *rest = one.message.split("\n")
        head = f"    {self._out.paint(f'{one.severity.value} {one.rule}', paint)}: {first}"
        if one.location is not None and self._is_known(one, one.location):
            self._line(f"{head}  (as above)")
            return
        self._line(head)
        for line in rest:
            self._line(f"        {line}")
        if one.event_id:
            self._line(f"    at event {one.event_id}{f' ({one.event_type})' if one.event_type else ''}")
        if one.location:
            self._place(one.location)
        for row in one.diff:
            self._row(row)
        if one.fix:
            self._line(self._out.paint("    fix:", "bold"))
            for line in one.fix.rstrip().split("\n"):
                self._line(f"      {line}".rstrip())

    def _is_known(self, one: Finding, place: Location) -> bool:
        """The same problem in another history is not explained again."""
        key = (one.rule, place.file, place.line, one.message)
        known = key in self._said
        self._said.add(key)
        return known

    def _place(self, place: Location) -> None:
        where = f" in {place.function}" if place.function else ""
        self._line(f"    --> {self._out.paint(f'{place.file}:{place.line}', 'cyan')}{where}")
        if place.text:
            self._line(f"        {place.text}")

    def _row(self, row: Aligned) -> None:
        if row.recorded is not None and row.produced is not None:
            self._line(f"      {self._out.paint('  ' + command(row.recorded), 'dim')}")
        elif row.recorded is not None:
            self._line(f"      {self._out.paint('- ' + command(row.recorded), 'red')}  (history)")
        elif row.produced is not None:
            self._line(f"      {self._out.paint('+ ' + command(row.produced), 'green')}  (the code now)")

    def summary(self, of: Summary) -> None:
        parts = [
            self._out.paint(f"{count} {verdict.value}", _PAINT.get(verdict, "red"))
            for verdict, count in of.counts.items()
            if count
        ]
        warnings = f", {of.warnings} warning{'s' if of.warnings > 1 else ''}" if of.warnings else ""
        self._line(f"{', '.join(parts) or 'nothing'}{warnings} in {of.seconds:.1f} s")


def command(one: Command) -> str:
    """A command in one line: `5 ScheduleActivityTask charge (orders.py:12)`."""
    kind = "".join(part.capitalize() for part in one.kind.split("_"))
    about = " ".join(part for part in (one.name, f"[{one.id}]" if one.id and one.id != one.name else "") if part)
    where = f"  {one.location.file}:{one.location.line}" if one.location else ""
    event = f"{one.event_id} " if one.event_id else ""
    return f"{event}{kind} {about}{where}"
