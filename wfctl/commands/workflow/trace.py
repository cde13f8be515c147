"""`workflow trace`: the live tree of a workflow and its children."""

from __future__ import annotations

import queue
import shutil
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from wfctl.commands._session import Session, session
from wfctl.commands.workflow._flags import Reference
from wfctl.errors import CommandError, UsageMistake
from wfctl.output import INDENT, shorten

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent

    from wfctl.view.tree import Node, State

_REDRAW_SECONDS = 1.0
_FOLDABLE = ("running", "completed", "failed", "canceled", "terminated", "timedout", "continueasnew")


def trace(
    ctx: typer.Context,
    reference: Reference,
    fold: Annotated[
        list[str] | None,
        typer.Option(
            "--fold",
            help="Hide what child workflows in this state did; repeatable. completed, canceled and terminated without "
            "it; also running, failed, timedout, continueasnew.",
        ),
    ] = None,
    no_fold: Annotated[bool, typer.Option("--no-fold", help="Show everything.")] = False,
    depth: Annotated[int, typer.Option("--depth", help="Follow children this deep; -1 is any depth.")] = -1,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Histories to follow at a time.")] = 10,
) -> None:
    """Show a workflow, its activities, timers and child workflows as a tree, and keep it up to date until it ends.

    When stdout is not a terminal, the tree is printed once at the end. Leaves with exit code 1 if the workflow fails.
    """
    folded = _folded(fold, no_fold)
    with session(ctx) as opened:
        if opened.out.is_json:
            raise UsageMistake("trace has no JSON output", hint="`workflow show -o json` has every event")
        root = _summary(opened, reference)
        tracer = _Tracer(opened, root, folded, depth, concurrency)
        tracer.run()
        if root.state not in ("completed", "continueasnew"):
            raise CommandError(f"workflow '{root.workflow_id}' did not complete: it is {root.state}")


def _folded(fold: list[str] | None, no_fold: bool) -> frozenset[State]:
    if no_fold:
        return frozenset()
    if not fold:
        return frozenset({"completed", "canceled", "terminated"})
    chosen: set[State] = set()
    for name in fold:
        lowered = name.lower()
        if lowered not in _FOLDABLE:
            raise UsageMistake(f"--fold '{name}' is not a state", hint=f"one of {', '.join(_FOLDABLE)}")
        chosen.add(lowered)  # type: ignore[arg-type]  # checked against the same names above
    return frozenset(chosen)


def _summary(opened: Session, reference: Reference) -> Node:
    from wfctl.commands.workflow.describe import description_of
    from wfctl.view.tree import Node

    info = description_of(opened, reference).workflow_execution_info
    opened.out.heading("Execution summary:")
    opened.out.card(
        [
            ("WorkflowId", info.execution.workflow_id),
            ("RunId", info.execution.run_id),
            ("Type", info.type.name),
            ("Namespace", opened.namespace),
            ("TaskQueue", info.task_queue),
        ]
    )
    opened.out.line()
    return Node("workflow", info.type.name, workflow_id=info.execution.workflow_id, run_id=info.execution.run_id)


class _Tracer:
    """One thread for each history that is followed, all feeding one queue; only the main thread touches the tree."""

    def __init__(self, opened: Session, root: Node, folded: frozenset[State], depth: int, concurrency: int) -> None:
        self._opened = opened
        self._root = root
        self._folded = folded
        self._depth = depth
        self._slots = threading.BoundedSemaphore(concurrency)
        self._inbox: queue.Queue[tuple[Node, HistoryEvent | Exception | None]] = queue.Queue()
        # Nodes by identity: how deep they stand, which are being read, and which have ended by their parents' word.
        self._levels: dict[int, int] = {}
        self._reading: set[int] = set()
        self._over: set[int] = {id(root)}
        self._lines_drawn = 0

    def run(self) -> None:
        """Until the root has ended, and all is read of those children that have ended too."""
        self._follow(self._root, 0)
        while self._reading & self._over:
            try:
                node, news = self._inbox.get(timeout=_REDRAW_SECONDS)
            except queue.Empty:
                if id(self._root) not in self._reading:
                    break  # what is left to read waits for its turn behind children that go on
                self._draw()
                continue
            self._take(node, news)
            if self._inbox.empty():
                self._draw()
        self._draw(final=True)

    def _take(self, node: Node, news: HistoryEvent | Exception | None) -> None:
        if isinstance(news, Exception):
            if node is self._root:
                raise news
            node.note = str(news)
        elif news is None:
            self._reading.discard(id(node))
        else:
            node.take(news)
            self._over.update(id(part) for part in node.parts if part.is_closed)
            self._follow_children(node)

    def _follow_children(self, node: Node) -> None:
        level = self._levels[id(node)] + 1
        if self._depth != -1 and level > self._depth:
            return
        for child in node.parts:
            if child.kind == "workflow" and child.run_id and id(child) not in self._levels:
                self._follow(child, level)

    def _follow(self, node: Node, level: int) -> None:
        self._levels[id(node)] = level
        self._reading.add(id(node))
        threading.Thread(target=self._read, args=(node,), daemon=True).start()

    def _read(self, node: Node) -> None:
        from wfctl.commands.workflow.history import events

        try:
            with self._slots:
                for event in events(self._opened, node.workflow_id, node.run_id, follow=True):
                    self._inbox.put((node, event))
        except Exception as error:  # the main thread waits for word of this one, whatever became of it
            self._inbox.put((node, error))
        self._inbox.put((node, None))

    def _draw(self, *, final: bool = False) -> None:
        out = self._opened.out
        if not out.is_text or not (final or out.is_terminal):
            return
        lines = self._lines()
        if not final:
            # What scrolled off the top cannot be drawn over; the end of the tree is where things happen.
            lines = lines[-(shutil.get_terminal_size((80, 24)).lines - 2) :]
        if self._lines_drawn:
            out.line(f"\x1b[{self._lines_drawn + 1}A\x1b[J".rstrip("\n"))
        else:
            out.heading("Progress:")
        for line in lines:
            out.line(line)
        self._lines_drawn = len(lines)
        out.flush()

    def _lines(self) -> list[str]:
        from wfctl.view.tree import ICONS, PAINTS, branches

        out, now = self._opened.out, datetime.now(UTC)
        lines = []
        for branch in branches(self._root, folded=self._folded, depth=self._depth):
            indent = INDENT * (branch.depth + 1)
            if branch.node is None:
                lines.append(out.paint(self._fitting(f"{indent}  {branch.text}"), "dim"))
                continue
            node = branch.node
            text = self._fitting(f"{indent}{ICONS[node.state]} {node.name} {node.age(now)}".rstrip())
            icon = ICONS[node.state]
            lines.append(text.replace(icon, out.paint(icon, PAINTS[node.state]), 1))
        return lines

    def _fitting(self, text: str) -> str:
        """One line each, or the cursor could not find its way back to the top."""
        text = text.split("\n")[0]
        return shorten(text, self._opened.out.width - 1) if self._opened.out.width is not None else text
