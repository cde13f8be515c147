"""The texts that the code itself spells out: no secrets, and what branches are decided by."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from wfctl.replay.lint.modules import Module, Project
from wfctl.replay.messages import LoadFailure


def literals(targets: Sequence[str], search: Sequence[str] = ()) -> frozenset[str]:
    """Every string constant in the targets' modules and in those of the user's that they import."""
    project = Project(search)
    found: set[str] = set()
    seen: set[str] = set()
    try:
        waiting = [module for module, _ in project.targets(targets)]
    except LoadFailure:
        return frozenset()
    while waiting:
        module = waiting.pop()
        if module.name in seen:
            continue
        seen.add(module.name)
        found.update(_constants(module))
        waiting += [imported for name in module.imports.values() for imported in _imported(name, project)]
    return frozenset(found)


def _constants(module: Module) -> set[str]:
    return {
        node.value
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value
    }


def _imported(name: str, project: Project) -> list[Module]:
    parent = name.rpartition(".")[0]
    return [module for one in (name, parent) if one and (module := project.module(one)) is not None]
