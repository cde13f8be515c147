"""Judges every history of the corpus with every changed version of its workflow, in one process; prints JSON lines.

PYTHONPATH=. python tests/replay/corpus/judge.py [CHANGE…]
"""

from __future__ import annotations

import asyncio
import fnmatch
import importlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.replay.corpus.changes import CHANGES, HISTORIES, Change
from wfctl.replay import diagnosis, reading, sources
from wfctl.replay.model import Severity
from wfctl.replay.recording import Recorder
from wfctl.replay.worker import quiet_logs

HERE = Path(__file__).parent


@dataclass
class Code:
    workflows: list[type]
    options: dict[str, Any] = field(default_factory=dict)


def histories_of(change: Change) -> list[Path]:
    patterns = (change.histories,) if change.histories else HISTORIES[change.module]
    files = sorted((HERE / "histories").iterdir())
    return [one for one in files if any(fnmatch.fnmatch(name_of(one), pattern) for pattern in patterns)]


def name_of(file: Path) -> str:
    return file.name.removesuffix(".gz").removesuffix(".json")


def load(file: Path) -> reading.ReadHistory:
    stored = next(iter(sources.from_paths([str(file)])))
    history = next(iter(reading.read(stored)))
    assert isinstance(history, reading.ReadHistory), history
    return history


def write_changed(change: Change, directory: Path, name: str) -> None:
    """The changed module, or package, under a name of its own."""
    original = HERE / "workflows" / change.module
    if original.is_dir():
        shutil.copytree(original, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(original.with_suffix(".py"), directory / f"{name}.py")
    for edit in change.edits:
        old, new = edit[-2:]
        file = directory / name / edit[0] if len(edit) == 3 else directory / f"{name}.py"
        text = file.read_text()
        assert old in text, f"{change.name}: nothing to replace: {old!r}"
        file.write_text(text.replace(old, new))


def code_of(change: Change, directory: Path) -> Code:
    name = "changed_" + change.name.replace("-", "_")
    write_changed(change, directory, name)
    importlib.invalidate_caches()
    module = importlib.import_module(name)
    return Code([one for one in vars(module).values() if hasattr(one, "__temporal_workflow_definition")])


async def judge(change: Change, directory: Path, read: dict[Path, reading.ReadHistory]) -> None:
    code = code_of(change, directory)
    known = {getattr(one, "__temporal_workflow_definition").name for one in code.workflows}
    recorder = Recorder(code)
    for file in histories_of(change):
        history = read.get(file) or read.setdefault(file, load(file))
        if history.workflow_type not in known and not any(one.rule == "unregistered" for one in change.outcomes):
            continue
        trace = await recorder.record(history)
        found = diagnosis.explain(history, trace, code)
        cause = next((one for one in found.findings if one.severity is Severity.ERROR), None)
        place = cause.location if cause is not None else None
        line = {
            "change": change.name,
            "history": name_of(file),
            "verdict": found.verdict.value,
            "event_id": cause.event_id if cause else 0,
            "event_type": cause.event_type if cause else "",
            "rule": cause.rule if cause else "",
            "line": place.line if place else 0,
            "text": place.text if place else "",
            "message": cause.message if cause else "",
            "sdk": trace.nondeterminism or trace.failure,
            "warnings": [[one.rule, one.event_id] for one in found.findings if one.severity is Severity.WARNING],
            "judged_to": found.judged_to_event_id,
        }
        print(json.dumps(line), flush=True)
        if trace.must_restart:
            recorder = Recorder(code)
    await recorder.close()


async def main(names: list[str]) -> None:
    read: dict[Path, reading.ReadHistory] = {}
    with tempfile.TemporaryDirectory() as directory:
        sys.path.insert(0, directory)
        for change in CHANGES:
            if not names or change.name in names:
                await judge(change, Path(directory), read)


if __name__ == "__main__":
    quiet_logs()
    asyncio.run(main(sys.argv[1:]))
    sys.stdout.flush()
    os._exit(0)  # a blocked workflow's thread would keep the process
