"""`:noun` goes to another screen, as in k9s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input

from wfctl.tui.widgets.field import TextField

NOUNS: dict[str, str] = {
    "wf": "workflows", "workflow": "workflows", "workflows": "workflows",
    "sch": "schedules", "schedule": "schedules", "schedules": "schedules",
    "batch": "batches", "batches": "batches",
    "tq": "task-queues", "queues": "task-queues", "task-queue": "task-queues", "task-queues": "task-queues",
    "worker": "workers", "workers": "workers",
    "deployment": "deployments", "deployments": "deployments",
    "ns": "namespaces", "namespace": "namespaces", "namespaces": "namespaces",
    "sa": "search-attributes", "search-attributes": "search-attributes",
    "nexus": "nexus",
}  # fmt: skip


class LineBar(ModalScreen[str | None]):
    """One line at the bottom, for a word or two."""

    DEFAULT_CSS = """
    LineBar { align: left bottom; background: $background 30%; }
    LineBar Input { dock: bottom; height: 1; border: none; padding: 0 1; background: $panel; }
    LineBar Input:focus { border: none; height: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, placeholder: str, suggestions: Sequence[str] = ()) -> None:
        super().__init__()
        self._placeholder, self._suggestions = placeholder, suggestions

    def compose(self) -> ComposeResult:
        yield TextField(
            placeholder=self._placeholder, suggester=SuggestFromList(self._suggestions, case_sensitive=False)
        )

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


def noun_bar() -> LineBar:
    """For a noun, or a workflow's id."""
    return LineBar("workflows, schedules, task-queues, namespaces … or a workflow id", sorted(set(NOUNS.values())))
