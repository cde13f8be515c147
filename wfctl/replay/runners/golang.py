"""Go: a runner is compiled inside the user's module by way of an overlay, so that nothing is written there.

For an importable package the runner is a command in a directory that exists only in the overlay, below the package, where
even `internal` ones can be imported. Nobody can import `package main`: there the runner joins it and takes over before `main`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from wfctl.replay.messages import LoadFailure, RunnerCommand
from wfctl.replay.runners.project import Wanted, project_of, run

_RUNNER = Path(__file__).parent / "programs" / "runner.go.txt"
_WATCH = Path(__file__).parent / "programs" / "watch.go.txt"
_SDK = "go.temporal.io/sdk"
_IMPORT = re.compile(r'^\s*(?:import\s+)?(?:(\w+)\s+)?"go\.temporal\.io/sdk/workflow"', re.MULTILINE)
# What only newer SDKs let one register: a method of the registry each, where the SDK at hand has it.
_DYNAMIC = """
func (r *wfctlReplayRegistry) RegisterDynamicWorkflow(w any, options wfctlReplayWorkflow.DynamicRegisterOptions) {
	r.replayer.RegisterDynamicWorkflow(w, options)
	r.dynamic = true
}

func (r *wfctlReplayRegistry) RegisterDynamicActivity(any, wfctlReplayActivity.DynamicRegisterOptions) {}
"""
_TIMER_OPTIONS = """
func (o *wfctlReplayOutbound) NewTimerWithOptions(ctx wfctlReplayWorkflow.Context, d time.Duration, options wfctlReplayWorkflow.TimerOptions) wfctlReplayWorkflow.Future {
	wfctlReplayNoteTimer(d)
	return o.Next.NewTimerWithOptions(ctx, d, options)
}
"""
_CHILD_ID = """
func wfctlReplayChildID(ctx wfctlReplayWorkflow.Context) string {
	return wfctlReplayWorkflow.GetChildWorkflowOptions(ctx).WorkflowID
}
"""
_NO_CHILD_ID = '\nfunc wfctlReplayChildID(wfctlReplayWorkflow.Context) string { return "" }\n'
_NO_WATCH = """package main

import wfctlReplayWorker "go.temporal.io/sdk/worker"

func wfctlReplayWatched(options wfctlReplayWorker.WorkflowReplayerOptions) wfctlReplayWorker.WorkflowReplayerOptions {
	return options
}

func wfctlReplayForget() {}

func wfctlReplayTell(map[string]any) {}
"""
_NEXUS = "\nfunc (r *wfctlReplayRegistry) RegisterNexusService(*wfctlReplayNexus.Service) {}\n"


@dataclass(frozen=True, slots=True)
class _Package:
    path: str
    directory: Path
    name: str
    files: tuple[str, ...]


def prepare(wanted: Wanted, scratch: Path) -> RunnerCommand:
    targets = [_split(target) for target in wanted.targets]
    label = ", ".join(wanted.targets)
    start = next((Path(name) for name, _ in targets if Path(name).is_dir()), Path.cwd())
    project = project_of(wanted, start, ["go.mod"])
    found = [(_package(name, project, label), names) for name, names in targets]
    home = found[0][0]
    is_main = home.name == "main"
    if any(package.name == "main" and package.path != home.path for package, _ in found):
        raise LoadFailure(
            label, "`package main` cannot be imported", hint="name it first, or move its workflows out of it"
        )
    place = home.directory if is_main else home.directory / "wfctlreplayrunner"
    prefix = "zz_wfctl_replay_" if is_main else ""
    overlay = {}
    for file, text in _sources(found, label, home).items():
        (scratch / file).write_text(text)
        overlay[str(place / (prefix + file))] = str(scratch / file)
    (scratch / "overlay.json").write_text(json.dumps({"Replace": overlay}))
    program = scratch / "runner"
    argv = ["go", "build", "-buildvcs=false", "-overlay", str(scratch / "overlay.json"), "-o", str(program)]
    try:
        run([*argv, home.path if is_main else f"{home.path}/wfctlreplayrunner"], project, label)
    except LoadFailure as failure:
        failure.hint = _hint(failure.reason)
        raise
    return RunnerCommand((str(program),), str(project), label)


def _split(target: str) -> tuple[str, tuple[str, ...]]:
    name, colon, names = target.rpartition(":")
    return (name, tuple(filter(None, names.split(",")))) if colon else (target, ())


def _package(name: str, project: Path, label: str) -> _Package:
    where = name
    if Path(name).is_dir():
        directory = Path(name).resolve()
        if not directory.is_relative_to(project):
            raise LoadFailure(label, f"{name} is not in the module {project}")
        where = f"./{directory.relative_to(project)}"
    listed = json.loads(run(["go", "list", "-json=ImportPath,Dir,Name,GoFiles", where], project, label))
    return _Package(listed["ImportPath"], Path(listed["Dir"]), listed["Name"], tuple(listed.get("GoFiles", ())))


def _sources(found: list[tuple[_Package, tuple[str, ...]]], label: str, home: _Package) -> dict[str, str]:
    imports, rows = [], []
    for number, (package, names) in enumerate(found):
        prefix = f"wfctlReplay{number}." if package.name != "main" else ""
        if prefix:
            imports.append(f'import wfctlReplay{number} "{package.path}"')
        chosen = names or _workflows_in(package)
        if not chosen:
            raise LoadFailure(
                label,
                f"there is no workflow function in {package.path}",
                hint="name a function that registers workflows: PACKAGE:Register",
            )
        rows += [f'\t{{"{package.path}:{one}", {prefix}{one}, {"false" if names else "true"}}},' for one in chosen]
    run_it = (
        "func init() { wfctlReplayRun(wfctlReplayTargets) }"
        if home.name == "main"
        else "func main() { wfctlReplayRun(wfctlReplayTargets) }"
    )
    table = "\n".join(
        ["package main\n", *imports, "", "var wfctlReplayTargets = []wfctlReplayTarget{", *rows, "}", "", run_it, ""]
    )
    sdk = Path(run(["go", "list", "-m", "-f", "{{.Dir}}", _SDK], home.directory, home.path).strip() or "nowhere")
    return {
        "runner.go": _RUNNER.read_text().replace("package wfctlReplayPackage", "package main"),
        "targets.go": table,
        "extra.go": _extra(sdk),
        "watch.go": _watch(sdk),
    }


def _workflows_in(package: _Package) -> list[str]:
    """Functions that take a workflow.Context; those of `package main` need not be exported."""
    found = []
    for file in package.files:
        text = (package.directory / file).read_text()
        imported = _IMPORT.search(text)
        if imported is None:
            continue
        context = "Context" if imported[1] == "." else f"{imported[1] or 'workflow'}.Context"
        for name in re.findall(rf"^func (\w+)\(\s*\w+ {re.escape(context)}\b", text, re.MULTILINE):
            if name[0].isupper() or package.name == "main":
                found.append(name)
    return found


def _text(file: Path) -> str:
    return file.read_text() if file.is_file() else ""


def _watch(sdk: Path) -> str:
    """What notes the commands, as far as the module's SDK lets it; nothing where it cannot be asked."""
    calls = _text(sdk / "internal" / "interceptor.go")
    options = re.search(
        r"type WorkflowReplayerOptions struct \{.*?\n\}", _text(sdk / "internal" / "internal_worker.go"), re.S
    )
    if "NewTimer(ctx Context" not in calls or options is None or "Interceptors " not in options[0]:
        return _NO_WATCH
    has_child_id = "func GetChildWorkflowOptions(" in _text(sdk / "workflow" / "workflow_options.go")
    timers = _TIMER_OPTIONS if "NewTimerWithOptions(ctx Context" in calls else ""
    return _WATCH.read_text() + timers + (_CHILD_ID if has_child_id else _NO_CHILD_ID)


def _extra(sdk: Path) -> str:
    """The registry's methods for what the module's SDK has."""
    worker = _text(sdk / "worker" / "worker.go")
    parts = ["package main\n"]
    body = ""
    if "RegisterDynamicWorkflow(" in worker and "RegisterDynamicActivity(" in worker:
        parts.append(f'import wfctlReplayActivity "{_SDK}/activity"\nimport wfctlReplayWorkflow "{_SDK}/workflow"')
        body += _DYNAMIC
    if "RegisterNexusService(*nexus.Service)" in worker:
        parts.append('import wfctlReplayNexus "github.com/nexus-rpc/sdk-go/nexus"')
        body += _NEXUS
    return "\n".join([*parts, body])


def _hint(reason: str) -> str:
    if "missing go.sum entry" in reason or "no required module provides package" in reason:
        return f"go get {_SDK}/worker adds what the replayer needs to go.mod and go.sum"
    return ""
