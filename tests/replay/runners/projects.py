"""The real projects of the other languages: copied for each use, so that a test can look for what was left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.replay.building import clean_environment
from tests.support.server import ROOT

HERE = Path(__file__).parent
NODE_MODULES = ROOT / "tests" / "sdk" / "typescript" / "node_modules"
OFFLINE = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}


def copied(language: str, directory: Path) -> Path:
    project = directory / language
    shutil.copytree(HERE / language, project, ignore=shutil.ignore_patterns("target", "node_modules"))
    if language == "typescript":
        (project / "node_modules").symlink_to(NODE_MODULES)
    return project


def worker(language: str, project: Path, address: str, queue: str, version: str) -> list[str]:
    """The command of a worker that runs one version of the project's workflows."""
    if language == "typescript":
        return ["node", "worker.cjs", address, queue, f"versions/{version}.ts"]
    if language == "go":
        executable = project / "worker"
        subprocess.run(["go", "build", "-o", str(executable), "./recorder"], cwd=project, check=True)
        return [str(executable), address, queue, version]
    subprocess.run(
        ["mvn", "-q", "-o", "compile", "dependency:build-classpath", "-Dmdep.outputFile=classpath"],
        cwd=project,
        check=True,
    )
    classes = f"{project}/target/classes:{(project / 'classpath').read_text()}"
    return ["java", "-cp", classes, "test.orders.RecordingWorker", address, queue, version]


def require(language: str) -> None:
    """Skips (and under CI fails) when the toolchain or what `make setup-sdk` installs is not there."""
    tools = {"typescript": ["node"], "go": ["go"], "java": ["java", "javac", "mvn"]}[language]
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        _unavailable(f"not on PATH: {', '.join(missing)}")
    if not _is_installed(language):
        _unavailable("its packages are not installed; hint: make setup-sdk")


def _is_installed(language: str) -> bool:
    if language == "typescript":
        return NODE_MODULES.is_dir()
    if language == "go":
        command = ["go", "list", "-deps", "./versions/base"]
    else:
        command = ["mvn", "-q", "-o", "compile", "dependency:build-classpath", "-Dmdep.outputFile=target/classpath"]
    environment = {**os.environ, **OFFLINE}
    return (
        subprocess.run(command, cwd=HERE / language, env=environment, capture_output=True, check=False).returncode == 0
    )


def _unavailable(reason: str) -> None:
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@dataclass
class Checked:
    """What one check of the command line said."""

    code: int
    document: dict[str, Any]
    stderr: str

    @property
    def told(self) -> dict[str, tuple[Any, ...]]:
        """By history: the verdict, and for one that does not pass its rule and event."""
        return {
            Path(one["history"]).stem: (one["verdict"], *((one["rule"], one["event_id"]) if one["rule"] else ()))
            for one in self.document.get("results", [])
        }

    def result(self, name: str) -> dict[str, Any]:
        return next(one for one in self.document["results"] if Path(one["history"]).stem == name)


def check(project: Path, language: str, target: str, *flags: str, **environment: str) -> Checked:
    command = [sys.executable, "-m", "wfctl", "replay", "check", "--lang", language, target, "-o", "json"]
    done = subprocess.run(
        [*command, "--histories", "histories", *flags],
        cwd=project,
        env=clean_environment(**OFFLINE, **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Checked(done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr)


def files(project: Path) -> set[str]:
    return {str(file.relative_to(project)) for file in project.rglob("*") if "target" not in file.parts}
