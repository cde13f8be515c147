"""Changed versions of the corpus's workflows, and what each must be found to do to its histories: a file for each workflow."""

from __future__ import annotations

from tests.replay.corpus.changes import (
    alerts,
    approval,
    attributes,
    batch,
    cancelling,
    cart,
    chance,
    children,
    external,
    fan_out,
    local,
    machine,
    orders,
    pages,
    patched,
    pipeline,
    retrying,
    saga,
    trip,
    wallet,
)
from tests.replay.corpus.changes.shapes import Change, Outcome, Warned

__all__ = ["CHANGES", "HISTORIES", "Change", "Outcome", "Warned"]

_FILES = (
    saga,
    approval,
    fan_out,
    children,
    pages,
    cart,
    patched,
    local,
    chance,
    cancelling,
    machine,
    retrying,
    attributes,
    external,
    batch,
    orders,
    alerts,
    wallet,
    trip,
    pipeline,
)

HISTORIES: dict[str, tuple[str, ...]] = {module: globs for file in _FILES for module, globs in file.HISTORIES.items()}
"""By module of workflows, the histories that its versions are tried on."""
CHANGES: tuple[Change, ...] = tuple(change for file in _FILES for change in file.CHANGES)
