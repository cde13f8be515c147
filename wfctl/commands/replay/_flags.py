"""The flags of the commands that replay, in sets: which histories, which code, how to run, which reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer


@dataclass(kw_only=True)
class HistoryFlags:
    """Which histories to replay; any mix of them."""

    histories: Annotated[
        list[str] | None,
        typer.Option("-H", "--histories", metavar="PATH", help="History file or directory; - is stdin. Repeatable."),
    ] = None
    workflow_id: Annotated[
        list[str] | None,
        typer.Option(
            "-w", "--workflow-id", help="Latest run of this workflow, from the server or --database. Repeatable."
        ),
    ] = None
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="That run of the one --workflow-id.")] = None
    query: Annotated[
        str | None, typer.Option("-q", "--query", help="Runs on the server that match this list filter.")
    ] = None
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="FILE", help="Take runs from a dev server's database file, read only."),
    ] = None
    type: Annotated[list[str] | None, typer.Option("--type", help="Only workflows of this type. Repeatable.")] = None
    status: Annotated[
        list[str] | None, typer.Option("--status", help="Only runs with this status, as in Running. Repeatable.")
    ] = None
    since: Annotated[
        str | None, typer.Option("--since", help="Only runs started since then: 7d, 12h, or an RFC 3339 time.")
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=0, help="At most so many runs of a server or file, newest first; 0: all. Default 500."
        ),
    ] = None
    per_type: Annotated[
        int | None, typer.Option("--per-type", min=1, help="At least so many of each type, whatever the limit.")
    ] = None
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="So many of the matching runs, chosen at random.")
    ] = None
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of that choice. Default 0.")] = None
    chain: Annotated[
        bool | None, typer.Option("--chain/--no-chain", help="Also replay continued runs and children.")
    ] = None


@dataclass(kw_only=True)
class CodeFlags:
    """Where the code is."""

    path: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="DIR", help="Look for modules here, besides . and ./src. Repeatable."),
    ] = None


@dataclass(kw_only=True)
class RunFlags:
    """How to run the check."""

    jobs: Annotated[
        int | None, typer.Option("-j", "--jobs", min=0, help="Worker processes. Default 0: one per core.")
    ] = None
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.1, help="Seconds for one history. Default 120.")
    ] = None
    fail_fast: Annotated[
        bool | None, typer.Option("--fail-fast/--no-fail-fast", help="Stop at the first history that fails.")
    ] = None
    strict: Annotated[bool | None, typer.Option("--strict/--no-strict", help="Warnings fail the check too.")] = None
    skip_unregistered: Annotated[
        bool | None,
        typer.Option(
            "--skip-unregistered/--no-skip-unregistered", help="Skip histories of types the code does not have."
        ),
    ] = None


@dataclass(kw_only=True)
class LanguageFlags:
    """Code of another language."""

    lang: Annotated[
        str | None, typer.Option("--lang", metavar="LANG", help="The code's language: python, ts, go or java.")
    ] = None
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="DIR", help="The ts, go or java project. Default: found above the target."),
    ] = None
    class_path: Annotated[
        str | None,
        typer.Option(
            "--classpath", metavar="PATH", help="Of Java code that no Maven project builds; : separates entries."
        ),
    ] = None
    runner: Annotated[
        str | None,
        typer.Option("--runner", metavar="COMMAND", help="A runner of your own; the targets are its arguments."),
    ] = None


@dataclass(kw_only=True)
class ReportFlags:
    """Reports besides the one on stdout."""

    junit: Annotated[str | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit XML report.")] = None
    sarif: Annotated[str | None, typer.Option("--sarif", metavar="FILE", help="Write a SARIF 2.1.0 report.")] = None
    markdown: Annotated[str | None, typer.Option("--markdown", metavar="FILE", help="Write a Markdown summary.")] = None
    github: Annotated[
        bool | None,
        typer.Option(
            "--github/--no-github", help="GitHub annotations and job summary. On by itself inside GitHub Actions."
        ),
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, and only what is not compatible.")] = False


def typed(*sets: Any) -> dict[str, Any]:
    """What was typed on the command line, by setting."""
    return {key: value for one in sets for key, value in asdict(one).items()}
