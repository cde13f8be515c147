"""Where history and code part, from the commands that a runner saw the code make; for SDKs whose message names no more than an event.

The commands are those that the code asked for, in the order in which it did. Where they are first unlike the history's is
where the code changed, be it that the SDK notices later. What the two lists leave open, the text of the source decides:
a name that it still calls was not removed.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from wfctl.replay import commands
from wfctl.replay.classify import NOUNS
from wfctl.replay.model import Command, Location

_COMPARED = frozenset({commands.ACTIVITY, commands.TIMER, commands.CHILD, commands.SIGNAL_EXTERNAL, commands.CONTINUE})
_NAMED = frozenset({commands.ACTIVITY, commands.CHILD, commands.SIGNAL_EXTERNAL})


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference, and the rule that it falls under; without one, it is only a place."""

    recorded: Command | None
    produced: Command | None
    rule: str
    location: Location | None


def comparable(one: Command | None) -> bool:
    return one is not None and one.kind in _COMPARED


def parting(recorded: Sequence[Command], produced: Sequence[Command]) -> Parting | None:
    """None when the two lists agree as far as the code came, or there is nothing to compare."""
    ours = [one for one in recorded if one.kind in _COMPARED or one.kind in commands.ENDS]
    theirs = [one for one in produced if one.kind in _COMPARED]
    index = next((i for i, (one, other) in enumerate(zip(ours, theirs, strict=False)) if not _same(one, other)), None)
    index = min(len(ours), len(theirs)) if index is None else index
    shifted = _shifted(ours, theirs, index)
    if shifted is not None:
        return shifted
    here = ours[index] if index < len(ours) else None
    there = theirs[index] if index < len(theirs) else None
    files = files_of(theirs)
    if here is None and there is None:
        return None
    if there is None:
        assert here is not None
        return Parting(here, None, _removed(here) if not _calls(here, files) else "", last_place(theirs))
    if here is None or here.kind in commands.ENDS:
        return Parting(here, there, _added(there), there.location)
    return Parting(here, there, _rule(ours[index:], theirs[index:], files), there.location)


def files_of(made: Sequence[Command]) -> set[str]:
    return {one.location.file for one in made if one.location is not None}


def last_place(made: Sequence[Command]) -> Location | None:
    """Of the last command that the code made: what is new comes after it."""
    return next((one.location for one in reversed(made) if one.location is not None), None)


def _same(one: Command, other: Command) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind == commands.CHILD:
        return one.name == other.name and (not other.id or one.id == other.id)
    return one.kind == commands.TIMER or one.kind == commands.CONTINUE or one.name == other.name


def _shifted(ours: Sequence[Command], theirs: Sequence[Command], index: int) -> Parting | None:
    """One timer more or less passes for its neighbour, since timers are only counted; their durations tell."""
    for i, (one, other) in enumerate(zip(ours[:index], theirs[:index], strict=True)):
        if one.kind != commands.TIMER or _seconds(one) == _seconds(other):
            continue
        if i + 1 < len(theirs) and _alike(one, theirs[i + 1]):
            return Parting(one, other, "timer-added", other.location)
        if i + 1 < len(ours) and _alike(ours[i + 1], other):
            return Parting(one, other, "timer-removed", other.location)
        return None
    return None


def _alike(one: Command, other: Command) -> bool:
    return _same(one, other) and (one.kind != commands.TIMER or _seconds(one) == _seconds(other))


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(one: Command) -> float:
    """`1m0.5s`, `50ms`, `3600s`."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h|d)", one.name))


def _rule(ours: Sequence[Command], theirs: Sequence[Command], files: set[str]) -> str:
    here, there = ours[0], theirs[0]
    here_later = any(_alike(here, one) for one in theirs[1:])
    there_later = any(_alike(one, there) for one in ours[1:])
    if here.kind == there.kind == commands.CHILD and not (here_later or there_later):
        if here.name == there.name:
            return "child-id-changed"
        if here.id and here.id == there.id:
            return "child-renamed"
    if here_later:
        return _reordered(here, there) if there_later else _added(there)
    still_called = _calls(here, files)
    if there_later:
        if here.kind in _NAMED:
            return _reordered(here, there) if still_called else _removed(here)
        return _removed(here) if _same(ours[1], there) else ""
    if here.kind == there.kind and here.kind in _NAMED:
        return _added(there) if still_called else f"{NOUNS[here.kind]}-renamed"
    if here.kind in _NAMED and not still_called:
        return _removed(here)
    return _added(there)


def _added(one: Command) -> str:
    return f"{NOUNS[one.kind]}-added" if one.kind in NOUNS else ""


def _removed(one: Command) -> str:
    return f"{NOUNS[one.kind]}-removed" if one.kind in NOUNS else ""


def _reordered(one: Command, other: Command) -> str:
    if one.kind == other.kind == commands.ACTIVITY:
        return "activity-reordered"
    return "child-reordered" if one.kind == other.kind == commands.CHILD else "commands-reordered"


# The text of the source

_DEFINITIONS = re.compile(
    r"^\s*(?://|\*|/\*|@|func |import |(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function|interface|class|type)\b"
    r"|(?:public|private|protected|static)\b|\w+\??\s*\([^)]*\)\s*:)"
)


def _calls(one: Command, files: set[str]) -> bool:
    """Is the name still called, or handed to a call, in the files that made commands? Definitions do not count."""
    return one.kind in _NAMED and any(_called_in(file, one.name) for file in files)


@lru_cache(maxsize=256)
def _called_in(file: str, name: str) -> bool:
    spelt = re.escape(name)
    either = f"(?:{spelt}|{re.escape(name[:1].lower() + name[1:])})"
    patterns = (rf"[\"'`]{spelt}[\"'`]", rf"\b{either}\s*\(", rf"[(,]\s*(?:\w+\.)*{spelt}\s*[,)]", rf"::{either}\b")
    call = re.compile("|".join(patterns))
    return any(call.search(line) for line in linecache.getlines(file) if not _DEFINITIONS.match(line))


@lru_cache(maxsize=256)
def has_word(file: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", "".join(linecache.getlines(file))) is not None
