"""`wfctl replay record` and `wfctl replay refresh`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wfctl.commands._session import Session, session
from wfctl.errors import CommandError, ExitCode, UsageMistake

if TYPE_CHECKING:
    from wfctl.replay.corpus.collecting import Recorded
    from wfctl.replay.corpus.manifest import Manifest

_DIRECTORY = "histories"
_LIMIT = 200
_PER_TYPE = 20
_REMEMBERED = ("histories", "database", "query", "type", "status", "since", "limit", "per_type", "targets", "path")


@dataclass(kw_only=True)
class RunFlags:
    """Which runs to choose from."""

    query: Annotated[str | None, typer.Option("-q", "--query", help="Runs that match this list filter.")] = None
    type: Annotated[list[str] | None, typer.Option("--type", help="Only workflows of this type. Repeatable.")] = None
    status: Annotated[list[str] | None, typer.Option("--status", help="Only this outcome. Repeatable.")] = None
    since: Annotated[str | None, typer.Option("--since", help="Only runs started since then: 7d, or a time.")] = None
    database: Annotated[
        str | None, typer.Option("--database", metavar="FILE", help="A dev server's database file, not a server.")
    ] = None
    histories: Annotated[
        list[str] | None,
        typer.Option("-H", "--histories", metavar="PATH", help="History files, not a server. Repeatable."),
    ] = None
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="Look at most at so many runs of each outcome. Default 200.")
    ] = None
    per_type: Annotated[
        int | None, typer.Option("--per-type", min=0, help="Keep at most so many of each type; 0: all. Default 20.")
    ] = None
    path: Annotated[
        list[str] | None, typer.Option("--path", metavar="DIR", help="Look for modules here too. Repeatable.")
    ] = None


def record(
    ctx: typer.Context,
    runs: RunFlags,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]…", help="The code, for redaction and codecs; as for `replay check`."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="DIR", help="Write here. Default: where the settings have histories, or histories."
        ),
    ] = None,
    payloads: Annotated[
        str, typer.Option("--payloads", help="stored, decoded, redacted or encoded: what to do with payloads.")
    ] = "stored",
) -> int:
    """Collect a small set of histories that stands for many: one run for each way that runs have gone.

    wfctl replay record --to tests/histories --since 30d --address prod:7233

    wfctl replay record orders.workflows --payloads redacted --database dev.db

    Runs are sorted by type, outcome and path: activities, timers, children, patches, signals, retries, failures, in
    order. One of each is kept, at most --per-type of a type, those first that show something new. A manifest beside them
    says where they are from and what they do not cover.
    """
    from wfctl.replay import settings
    from wfctl.replay.corpus import manifest

    with session(ctx) as opened:
        defaults = settings.load(Path.cwd())
        directory = to or _usual(defaults)
        if manifest.read(Path(directory)) is not None:
            hint = f"`wfctl replay refresh {directory}` updates it"
            raise CommandError(f"there is a corpus in {directory} already", hint=hint)
        given = {key: getattr(runs, key) for key in _REMEMBERED if hasattr(runs, key)}
        wanted: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        wanted.setdefault("limit", _LIMIT)
        wanted.setdefault("per_type", _PER_TYPE)
        wanted["targets"] = targets or defaults.get("targets") or []
        wanted["path"] = runs.path or defaults.get("path") or []
        wanted["payloads"] = payloads
        return _record(opened, Path(directory), wanted, None, prune=False)


def refresh(
    ctx: typer.Context,
    directory: Annotated[
        str | None, typer.Argument(metavar="[DIR]", help="A corpus that `replay record` wrote. Default as there.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Drop histories of paths that no run takes any more.")] = False,
) -> int:
    """Bring a corpus up to date, from where it was recorded, with the choices it was recorded with.

    New paths are added; a path is told by its newest short run; what the server no longer has stays, unless pruned.
    """
    from wfctl.replay import settings
    from wfctl.replay.corpus import manifest

    with session(ctx) as opened:
        directory = directory or _usual(settings.load(Path.cwd()))
        before = manifest.read(Path(directory))
        if before is None:
            hint = "`wfctl replay record` makes one"
            raise CommandError(f"there is no corpus in {directory}", hint=hint, exit_code=ExitCode.NOT_FOUND)
        wanted = {"limit": _LIMIT, "per_type": _PER_TYPE, **before.selection, "payloads": before.payloads}
        return _record(opened, Path(directory), wanted, before, prune=prune)


def _usual(defaults: dict[str, Any]) -> str:
    """Where the project keeps its histories."""
    places = [place for place in defaults.get("histories", ()) if place != "-" and not Path(place).is_file()]
    return places[0] if places else _DIRECTORY


def _record(opened: Session, directory: Path, wanted: dict[str, Any], before: Manifest | None, *, prune: bool) -> int:
    from wfctl.commands.replay import _corpus_sources as sources
    from wfctl.replay.corpus import collecting

    if wanted["payloads"] not in sources.PAYLOADS:
        known = ", ".join(sources.PAYLOADS)
        raise UsageMistake(f"--payloads {wanted['payloads']}: there is no such way", hint=f"one of: {known}")
    plan = collecting.Plan(
        directory,
        sources.origin(opened, wanted),
        opened.now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        wanted["per_type"],
        wanted["payloads"],
        {key: wanted[key] for key in _REMEMBERED if wanted.get(key)},
        sources.rewriting(opened, wanted),
        sources.judging(wanted),
    )
    if before is not None and before.origin != plan.origin:
        opened.out.note(f"note: it was recorded from {before.origin}; now from {plan.origin}")
    recorded = collecting.record(sources.runs(opened, wanted), plan, before, prune=prune)
    _tell(opened, directory, recorded)
    return ExitCode.OK


def _tell(opened: Session, directory: Path, recorded: Recorded) -> None:
    out, manifest = opened.out, recorded.manifest
    out.value(
        {
            "directory": str(directory), "seen": manifest.seen, "histories": len(manifest.histories),
            "added": recorded.added, "renewed": recorded.renewed, "unseen": recorded.unseen, "pruned": recorded.pruned,
            "refused": recorded.refused, "not_covered": manifest.not_covered,
        }
    )  # fmt: skip
    for sign, names, paint in (("+", recorded.added, "green"), ("~", recorded.renewed, "cyan")):
        for name in names:
            out.line(f"{out.paint(sign, 'green' if paint == 'green' else 'cyan')} {directory / name}")
    for name in recorded.pruned:
        out.line(f"{out.paint('-', 'red')} {directory / name}")
    unseen = f"; {len(recorded.unseen)} of them are not seen any more (--prune)" if recorded.unseen else ""
    out.line(f"{len(manifest.histories)} histories stand for {manifest.seen} runs{unseen}")
    for one in manifest.not_covered:
        out.line(
            f"not covered: {one['workflow_type']} {one['outcome']}, path {one['path']} ({one['runs']} runs): {one['why']}"
        )
    for reason in recorded.refused:
        out.note(f"left out: {reason}")
