"""Files as people name them: relative to where the command was given."""

from __future__ import annotations

import os
from dataclasses import replace

from wfctl.replay.model import Aligned, Command, Finding, Location


def shown(file: str) -> str:
    """A path below the current directory, relative to it; any other as it is."""
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative


def in_finding(one: Finding) -> Finding:
    """The same finding with every file as it is shown."""
    return replace(
        one,
        location=_place(one.location),
        recorded=_command(one.recorded),
        produced=_command(one.produced),
        diff=tuple(Aligned(_command(row.recorded), _command(row.produced)) for row in one.diff),
    )


def _command(one: Command | None) -> Command | None:
    return one if one is None or one.location is None else replace(one, location=_place(one.location), frames=())


def _place(place: Location | None) -> Location | None:
    return None if place is None else replace(place, file=shown(place.file))
