"""`wfctl db`: the dev server's database file, looked at, checked and copied; a server may be running on it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wfctl.commands._session import session
from wfctl.commands._tree import LazyGroup, Row
from wfctl.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from wfctl.devserver.storage.inspection import Facts
    from wfctl.output import Output

_HERE = "wfctl.commands.db"
DEFAULT_FILE = ".wfctl/dev.db"
MOST_PROBLEMS_SHOWN = 50
BAR_WIDTH = 24
BAR_EVERY_SECONDS = 0.1

File = Annotated[
    str, typer.Option("-f", "--db-filename", help="The server's database file.", metavar="PATH", show_default=True)
]

app = LazyGroup(
    {
        "info": Row(f"{_HERE}:info", "Sizes, counts and versions of a database"),
        "check": Row(f"{_HERE}:check", "Check every page, every history and every row"),
        "backup": Row(f"{_HERE}:backup", "Copy a database, also while a server runs on it"),
    },
    help="The dev server's database file. A server may be running on it.",
)


def info(ctx: typer.Context, db_filename: File = DEFAULT_FILE) -> None:
    """Show what a database holds: sizes, counts, versions, and who uses it.

    wfctl db info -f orders.db
    """
    with session(ctx) as opened, _explained():
        from wfctl.devserver.storage.inspection import facts

        found = facts(Path(db_filename))
        opened.out.value(asdict(found))
        opened.out.card(_card(found), indent=0)


def check(ctx: typer.Context, db_filename: File = DEFAULT_FILE) -> None:
    """Check a database: SQLite's structures, the event ids of every run, and that every history rebuilds to what is stored.

    Changes nothing. Exits with 1 when something is wrong.

        wfctl db check -f orders.db
    """
    with session(ctx) as opened, _explained():
        from wfctl.devserver.storage.checkup import Checked, examine
        from wfctl.devserver.storage.inspection import open_to_look

        out, checked, problems = opened.out, Checked(), []
        with open_to_look(Path(db_filename)) as connection, _bar(out, "checking") as progress:
            for problem in examine(connection, checked, progress):
                problems.append(asdict(problem))
                if checked.problems <= MOST_PROBLEMS_SHOWN:
                    out.line(f"{_whose(problem.workflow_id, problem.run_id)}{problem.what}")
        if checked.problems > MOST_PROBLEMS_SHOWN:
            out.line(f"… and {checked.problems - MOST_PROBLEMS_SHOWN} more (-o json lists them all)")
        out.value({"runs": checked.runs, "events": checked.events, "problems": problems})
        if problems:
            raise CommandError(
                f"{db_filename} has {_count(len(problems), 'problem')}",
                hint="keep a copy of the file as it is (`wfctl db backup` refuses a damaged one: use cp), and report this",
            )
        out.line(
            f"{db_filename} is sound: {_count(checked.runs, 'run')} with {_count(checked.events, 'event')} "
            "rebuild to what is stored"
        )


def backup(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="File to make; it must not exist yet.")],
    db_filename: File = DEFAULT_FILE,
) -> None:
    """Copy a database as of this moment, also while a server writes to it.

    The copy is whole and synced before it gets its name. To go back to it, stop the server and start it on the copy.

        wfctl db backup monday.db
        wfctl server start --db-filename monday.db
    """
    with session(ctx) as opened, _explained():
        from wfctl.devserver.storage.inspection import back_up

        began = time.monotonic()
        try:
            with _bar(opened.out, "copying") as progress:
                size = back_up(Path(db_filename), Path(target), progress)
        except FileExistsError:
            raise CommandError(
                f"{target} exists already", hint="name another file, or remove it", exit_code=ExitCode.ALREADY_EXISTS
            ) from None
        except OSError as error:
            raise CommandError(
                f"cannot write {target}: {error.strerror}", hint=f"check its directory: df -h {Path(target).parent}"
            ) from error
        opened.out.value({"source": db_filename, "target": target, "size": size})
        opened.out.line(f"{target}: {_size(size)}, in {time.monotonic() - began:.1f} s")


@contextmanager
def _explained() -> Iterator[None]:
    """What is wrong with the file, as this program's errors are told."""
    from wfctl.devserver.storage.file_check import CannotOpen

    try:
        yield
    except CannotOpen as error:
        code = ExitCode.NOT_FOUND if error.message.endswith("does not exist.") else ExitCode.FAILED
        raise CommandError(error.message.rstrip("."), hint=error.hint, exit_code=code) from error


# -- what is shown --------------------------------------------------------------------------------------------------


def _card(found: Facts) -> list[tuple[str, str]]:
    return [
        ("File", found.path),
        ("Size", f"{_size(found.size)}, and {_size(found.log_size)} in its log"),
        ("In use by", f"the server with pid {found.server_pid}" if found.server_pid else "nobody"),
        ("Identity", found.identity),
        ("Schema", f"version {found.schema_version} (this wfctl knows up to {found.newest_schema_version})"),
        ("SQLite", f"{found.sqlite_version}, journal mode {found.journal_mode}, pages of {found.page_size} bytes"),
        (
            "Workflows",
            f"{found.open_runs:,} open ({found.waiting_runs:,} with work waiting), {found.closed_runs:,} closed",
        ),
        ("Events", f"{found.events:,} in {found.batches:,} batches, {_size(found.history_size)}"),
        ("Longest", f"{found.longest_history:,} events in one history, {_size(found.largest_batch)} in one batch"),
        ("Namespaces", f"{found.namespaces:,}"),
        ("Free", f"{_size(found.free_pages * found.page_size)}, used again by what comes"),
        ("Durability", "chosen at each start (--durability): full syncs every commit, normal only checkpoints"),
    ]


def _whose(workflow_id: str, run_id: str) -> str:
    if not workflow_id:
        return ""
    return f"{workflow_id} ({run_id}): " if run_id else f"{workflow_id}: "


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


@contextmanager
def _bar(out: Output, verb: str) -> Iterator[Callable[[int, int], None]]:
    """Progress on stderr, where somebody looks at it."""
    shown, last = out.is_text and out.stderr.isatty(), 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if not shown or now - last < BAR_EVERY_SECONDS:
            return
        last = now
        filled = BAR_WIDTH * done // max(total, 1)
        sys.stderr.write(f"\r{verb} {'█' * filled}{'░' * (BAR_WIDTH - filled)} {done:,} of {total:,}\x1b[K")
        sys.stderr.flush()

    try:
        yield progress
    finally:
        if last:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
