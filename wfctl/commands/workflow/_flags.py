"""Flags that several workflow commands share, as option sets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wfctl.commands._inputs import input_payloads
from wfctl.view.durations import parse_duration

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payloads, WorkflowExecution


@dataclass(kw_only=True)
class Reference:
    """One workflow, and perhaps one of its runs."""

    workflow_id: Annotated[str, typer.Option("-w", "--workflow-id", help="Workflow ID.")]
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="Run ID; without it, the latest run.")] = None

    def execution(self) -> WorkflowExecution:
        from temporalio.api.common.v1 import WorkflowExecution

        return WorkflowExecution(workflow_id=self.workflow_id, run_id=self.run_id or "")


@dataclass(kw_only=True)
class SingleOrBatch:
    """One workflow by id, or all that match a query."""

    workflow_id: Annotated[
        str | None, typer.Option("-w", "--workflow-id", help="Workflow ID. Either this or --query is needed.")
    ] = None
    run_id: Annotated[str | None, typer.Option("-r", "--run-id", help="Run ID; only with --workflow-id.")] = None
    query: Annotated[
        str | None,
        typer.Option("-q", "--query", help="List filter; a batch operation runs against every workflow that matches."),
    ] = None
    reason: Annotated[
        str | None, typer.Option("--reason", help="Reason of the batch operation; by default, who asked for it.")
    ] = None
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask before starting the batch operation.")] = False
    rps: Annotated[
        float | None, typer.Option("--rps", help="Limit of the batch operation, in workflows per second.")
    ] = None


@dataclass(kw_only=True)
class Headers:
    headers: Annotated[
        list[str] | None,
        typer.Option("--headers", metavar="KEY=JSON", help="Temporal header (not a gRPC one), KEY=JSON; repeatable."),
    ] = None


@dataclass(kw_only=True)
class Input:
    """The arguments of a workflow, signal, query or update."""

    input: Annotated[
        list[str] | None, typer.Option("-i", "--input", metavar="JSON", help="An argument, as JSON; repeatable.")
    ] = None
    input_file: Annotated[
        list[str] | None, typer.Option("--input-file", help="File that holds an argument ('-' is stdin); repeatable.")
    ] = None
    input_meta: Annotated[
        list[str] | None,
        typer.Option(
            "--input-meta",
            metavar="KEY=VALUE",
            help="Metadata of the arguments, such as encoding=json/protobuf. Given once it is for all of them; "
            "repeated, each is for the argument at its place.",
        ),
    ] = None
    input_base64: Annotated[bool, typer.Option("--input-base64", help="The arguments are written in base64.")] = False

    def payloads(self) -> Payloads | None:
        return input_payloads(self.input, self.input_file, self.input_meta, self.input_base64)


@dataclass(kw_only=True)
class Start:
    """What a new workflow needs."""

    workflow_id: Annotated[
        str | None, typer.Option("-w", "--workflow-id", help="Workflow ID; without it, a random one.")
    ] = None
    type: Annotated[str, typer.Option("--type", "--name", help="Workflow type.")]
    task_queue: Annotated[str, typer.Option("-t", "--task-queue", help="Task queue that its workers poll.")]
    run_timeout: Annotated[
        timedelta | None,
        typer.Option("--run-timeout", parser=parse_duration, metavar="DURATION", help="Longest time for one run."),
    ] = None
    execution_timeout: Annotated[
        timedelta | None,
        typer.Option(
            "--execution-timeout",
            parser=parse_duration,
            metavar="DURATION",
            help="Longest time for the whole chain of runs: retries, cron and continue-as-new.",
        ),
    ] = None
    task_timeout: Annotated[
        timedelta | None,
        typer.Option(
            "--task-timeout", parser=parse_duration, metavar="DURATION", help="Longest time for a workflow task (10s)."
        ),
    ] = None
    search_attribute: Annotated[
        list[str] | None,
        typer.Option("--search-attribute", metavar="KEY=JSON", help="Search attribute, KEY=JSON; repeatable."),
    ] = None
    headers: Annotated[
        list[str] | None,
        typer.Option("--headers", metavar="KEY=JSON", help="Temporal header (not a gRPC one), KEY=JSON; repeatable."),
    ] = None
    memo: Annotated[
        list[str] | None, typer.Option("--memo", metavar="KEY=JSON", help="Memo field, KEY=JSON; repeatable.")
    ] = None
    static_summary: Annotated[
        str | None, typer.Option("--static-summary", help="One line for people, shown beside the workflow.")
    ] = None
    static_details: Annotated[
        str | None, typer.Option("--static-details", help="Several lines for people, shown with the workflow.")
    ] = None
    priority_key: Annotated[
        int | None, typer.Option("--priority-key", help="1 (soonest) to 5; the server takes 3 without it.")
    ] = None
    fairness_key: Annotated[
        str | None, typer.Option("--fairness-key", help="Tasks with different keys share the workers.")
    ] = None
    fairness_weight: Annotated[float | None, typer.Option("--fairness-weight", help="Share of that key.")] = None
    cron: Annotated[str | None, typer.Option("--cron", help="Cron schedule; schedules do this better.")] = None
    fail_existing: Annotated[bool, typer.Option("--fail-existing", help="Fail if the workflow is there already.")] = (
        False
    )
    start_delay: Annotated[
        timedelta | None,
        typer.Option(
            "--start-delay",
            parser=parse_duration,
            metavar="DURATION",
            help="Wait before the first workflow task; a signal or update ends the wait. Not with --cron.",
        ),
    ] = None
    id_reuse_policy: Annotated[
        Literal["AllowDuplicate", "AllowDuplicateFailedOnly", "RejectDuplicate", "TerminateIfRunning"] | None,
        typer.Option("--id-reuse-policy", case_sensitive=False, help="May a closed workflow's ID be used again?"),
    ] = None
    id_conflict_policy: Annotated[
        Literal["Fail", "UseExisting", "TerminateExisting"] | None,
        typer.Option("--id-conflict-policy", case_sensitive=False, help="What if a workflow with this ID is open?"),
    ] = None


@dataclass(kw_only=True)
class QueryModifiers:
    reject_condition: Annotated[
        Literal["not_open", "not_completed_cleanly"] | None,
        typer.Option("--reject-condition", help="Refuse the query if the workflow is not in that state."),
    ] = None
    headers: Annotated[
        list[str] | None,
        typer.Option("--headers", metavar="KEY=JSON", help="Temporal header (not a gRPC one), KEY=JSON; repeatable."),
    ] = None
