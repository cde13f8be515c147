"""History files as a source: each history is a run, described as it was when its last event was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wfctl.errors import CommandError, ServerRefused, UsageMistake
from wfctl.tui.feeds.source import unsupported
from wfctl.view.described import description_from


@dataclass(frozen=True, slots=True)
class FileRun:
    path: str
    events: Sequence[Any]
    description: Any


@dataclass(frozen=True, slots=True)
class BrokenFile:
    path: str
    reason: str


class FilesSource:
    """Answers lists, counts, descriptions and histories; everything else needs a server."""

    read_only = True
    is_live = False
    as_of = None
    namespace = "files"
    identity = ""

    def __init__(self, runs: Sequence[FileRun], broken: Sequence[BrokenFile] = ()) -> None:
        self.runs = list(runs)
        self.broken = list(broken)

    @property
    def title(self) -> str:
        if len(self.runs) == 1:
            return Path(self.runs[0].path).name
        return f"{len(self.runs)} histories"

    @property
    def warning(self) -> str:
        if not self.broken:
            return ""
        more = f" (and {len(self.broken) - 1} more)" if len(self.broken) > 1 else ""
        return f"{self.broken[0].path}: {self.broken[0].reason}{more}"

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        answer = _ANSWERS.get(method)
        if answer is None:
            raise unsupported(method, "a history file")
        return answer(self, request)

    def in_namespace(self, namespace: str) -> FilesSource:
        return self

    def close(self) -> None:
        """There is nothing to close."""

    def find(self, workflow_id: str, run_id: str) -> FileRun:
        for run in self.runs:
            execution = run.description.workflow_execution_info.execution
            if execution.workflow_id == workflow_id and run_id in ("", execution.run_id):
                return run
        raise ServerRefused(f"no file has a workflow '{workflow_id}'", code="NOT_FOUND")


def read_files(paths: Sequence[Path], parse: Any) -> FilesSource:
    """`parse` turns a file into histories. A broken file is kept as such, so that it can be shown in its place."""
    runs: list[FileRun] = []
    broken: list[BrokenFile] = []
    taken: set[tuple[str, str]] = set()
    for path in _expanded(paths):
        try:
            histories = parse(path)
        except CommandError as error:
            broken.append(BrokenFile(str(path), error.message))
            continue
        for events in histories:
            description = description_from(events, path.stem)
            execution = description.workflow_execution_info.execution
            if (execution.workflow_id, execution.run_id) in taken:
                execution.workflow_id = f"{execution.workflow_id} ({path.stem})"
            taken.add((execution.workflow_id, execution.run_id))
            runs.append(FileRun(str(path), events, description))
    return FilesSource(runs, broken)


def _expanded(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted(path.rglob("*.json")))
        elif path.exists():
            found.append(path)
        else:
            raise UsageMistake(f"{path} does not exist")
    return found


_CONDITION = re.compile(
    r"^(ExecutionStatus|WorkflowType|WorkflowId)\s*(=|!=|STARTS_WITH)\s*['\"]([^'\"]*)['\"]$", re.IGNORECASE
)


def _matching(source: FilesSource, query: str) -> list[FileRun]:
    """The simple conditions that tabs and filter bar make; anything else is refused as a server would."""
    from wfctl.view.enums import workflow_status

    runs = list(source.runs)
    for part in re.split(r"\s+AND\s+", query.strip(), flags=re.IGNORECASE) if query.strip() else ():
        match = _CONDITION.match(part.strip().strip("()").strip())
        if match is None:
            raise ServerRefused(
                f"files know no '{part}'; use ExecutionStatus, WorkflowType or WorkflowId with =, != or STARTS_WITH",
                code="INVALID_ARGUMENT",
            )
        name, operator, wanted = match.group(1).lower(), match.group(2).upper(), match.group(3)

        def value(run: FileRun, name: str = name) -> str:
            info = run.description.workflow_execution_info
            if name == "executionstatus":
                return workflow_status(info.status)
            return str(info.type.name if name == "workflowtype" else info.execution.workflow_id)

        if operator == "STARTS_WITH":
            runs = [run for run in runs if value(run).startswith(wanted)]
        else:
            runs = [run for run in runs if (value(run) == wanted) == (operator == "=")]
    return runs


def _list(source: FilesSource, request: Any) -> Any:
    from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsResponse

    infos = [run.description.workflow_execution_info for run in _matching(source, request.query)]
    return ListWorkflowExecutionsResponse(executions=infos)


def _count(source: FilesSource, request: Any) -> Any:
    from collections import Counter

    from temporalio.api.common.v1 import Payload
    from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsResponse

    from wfctl.view.enums import workflow_status

    query, _, grouped = request.query.partition("GROUP BY")
    runs = _matching(source, query)
    response = CountWorkflowExecutionsResponse(count=len(runs))
    if grouped:
        counted = Counter(workflow_status(run.description.workflow_execution_info.status) for run in runs)
        for status, count in counted.items():
            value = Payload(metadata={"encoding": b"json/plain"}, data=f'"{status}"'.encode())
            response.groups.add(count=count, group_values=[value])
    return response


def _describe(source: FilesSource, request: Any) -> Any:
    return source.find(request.execution.workflow_id, request.execution.run_id).description


def _history(source: FilesSource, request: Any) -> Any:
    from temporalio.api.history.v1 import History
    from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryResponse

    events = source.find(request.execution.workflow_id, request.execution.run_id).events
    at = int(request.next_page_token or b"0")
    size = request.maximum_page_size or 1000
    following = str(at + size).encode() if at + size < len(events) else b""
    return GetWorkflowExecutionHistoryResponse(
        history=History(events=events[at : at + size]), next_page_token=following
    )


_ANSWERS: dict[str, Any] = {
    "ListWorkflowExecutions": _list,
    "CountWorkflowExecutions": _count,
    "DescribeWorkflowExecution": _describe,
    "GetWorkflowExecutionHistory": _history,
}
