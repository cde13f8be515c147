"""Which files a workflow's code is in: what a change of a file can touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wfctl.replay.lint.modules import Module, Project
from wfctl.replay.lint.reach import reached
from wfctl.replay.messages import LoadFailure


@dataclass(slots=True)
class Files:
    """By workflow type, the files that it is made of; `shared` are those of a worker's set-up, which all types depend on."""

    by_type: dict[str, set[str]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    known: bool = True
    """False when the code cannot be read just now: then anything may be touched."""

    def touched(self, changed: set[str]) -> set[str] | None:
        """The workflow types that a change of these files can touch; None: all of them."""
        if not self.known or changed & self.shared:
            return None
        return {name for name, files in self.by_type.items() if files & changed}

    @property
    def every(self) -> set[str]:
        return self.shared.union(*self.by_type.values()) if self.by_type else set(self.shared)


def files_of(targets: Sequence[str], search: Sequence[str] = ()) -> Files:
    """The files behind each workflow type, imports followed."""
    project = Project(search)
    found = Files()
    try:
        workflows, _ = reached(targets, search)
        modules = [module for module, _ in project.targets(targets)]
    except LoadFailure:
        return Files(known=False)
    for workflow in workflows:
        files = found.by_type.setdefault(workflow.workflow_type, set())
        for unit in workflow.units:
            files |= closure(unit.module, project)
        files |= closure(workflow.cls.module, project)
    everything: set[str] = set()
    for module in modules:
        everything |= closure(module, project)
    found.shared = everything.difference(*found.by_type.values()) if found.by_type else everything
    found.known = not project.broken and bool(workflows)
    return found


def closure(module: Module, project: Project) -> set[str]:
    """The module's file, and those of all modules of the user's that it imports, directly or not."""
    seen: dict[str, Module] = {}
    waiting = [module]
    while waiting:
        one = waiting.pop()
        if str(one.path) in seen:
            continue
        seen[str(one.path)] = one
        for name in (*one.imports.values(), *one.stars):
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                imported = project.module(".".join(parts[:length]))
                if imported is not None:
                    waiting.append(imported)
    return set(seen)
