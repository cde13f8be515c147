"""Java: one class is compiled against the project's class path and run with it. Maven makes the class path; any other build
names it with `--classpath`.
"""

from __future__ import annotations

import os
from pathlib import Path

from wfctl.replay.messages import LoadFailure, RunnerCommand
from wfctl.replay.runners.project import Wanted, project_of, run

_PROGRAMS = Path(__file__).parent / "programs"
_RUNNER = str(_PROGRAMS / "ReplayRunner.java")
_WATCH = str(_PROGRAMS / "ReplayWatch.java")
_PLUGIN = "dependency:build-classpath"
_JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
)  # many short-lived processes side by side


def prepare(wanted: Wanted, scratch: Path) -> RunnerCommand:
    label = ", ".join(wanted.targets)
    if wanted.class_path:
        project = Path(wanted.project or Path.cwd()).resolve()
        entries = [str(Path(entry).resolve()) for entry in wanted.class_path.split(os.pathsep) if entry]
        class_path = os.pathsep.join(entries)
    else:
        project = project_of(wanted, Path.cwd(), ["pom.xml"])
        class_path = _of_maven(project, scratch, label)
    compile_ = ["javac", "-proc:none", "-d", str(scratch), "-cp", class_path]
    try:
        try:
            run([*compile_, _RUNNER, _WATCH], scratch, label)
        except LoadFailure:  # an SDK too old to be watched
            run([*compile_, _RUNNER], scratch, label)
    except LoadFailure as failure:
        if "package io.temporal" in failure.reason:
            failure.hint = "is io.temporal:temporal-sdk on the class path?"
        raise
    argv = ("java", *_JAVA_OPTIONS, "-cp", f"{class_path}{os.pathsep}{scratch}", "ReplayRunner", *wanted.targets)
    return RunnerCommand(argv, str(project), label)


def _of_maven(project: Path, scratch: Path, label: str) -> str:
    """The project's own classes and its dependencies, those of tests too: the SDK may be among them only."""
    maven = str(project / "mvnw") if (project / "mvnw").exists() else "mvn"
    made = scratch / "classpath"
    # Offline first: it is quicker, and works in CI behind a wall; what is not there yet is fetched as Maven is set up to.
    goals = ["-q", "-B", "compile", _PLUGIN, f"-Dmdep.outputFile={made}", "-Dmdep.includeScope=test"]
    try:
        run([maven, "-o", *goals], project, label)
    except LoadFailure as offline:
        if "is not on PATH" in offline.reason or "COMPILATION ERROR" in offline.reason:
            raise
        run([maven, *goals], project, label)
    return os.pathsep.join([str(project / "target" / "classes"), made.read_text().strip()])
