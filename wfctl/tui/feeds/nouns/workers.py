"""Workers that send heartbeats: what they run, how busy they are, on which host."""

from __future__ import annotations

from typing import Any

from wfctl.tui.feeds.nouns.parts import PAGE_SIZE, Item, Resource, ago, all_pages, clock, facts, section, word
from wfctl.tui.feeds.source import Source
from wfctl.tui.models.cells import Cell, Column, Part, Tone, cell

_BAR = 8
_TONES: dict[str, Tone] = {"Running": "live", "ShuttingDown": "warn", "Shutdown": "dim"}


def _fetch(source: Source) -> list[Item]:
    from temporalio.api.workflowservice.v1 import ListWorkersRequest

    def ask(token: bytes) -> Any:
        request = ListWorkersRequest(namespace=source.namespace, page_size=PAGE_SIZE, next_page_token=token)
        return source.call("ListWorkers", request)

    return [_item(entry.worker_heartbeat) for entry in all_pages(ask, lambda response: response.workers_info)]


def _state(beat: Any) -> str:
    from temporalio.api.enums.v1 import WorkerStatus

    return word(WorkerStatus, beat.status, "WORKER_STATUS_")


def _item(beat: Any) -> Item:
    state = _state(beat)
    used = sum(slots.current_used_slots for _, slots in _slots(beat))
    return Item(
        beat.worker_instance_key,
        [
            cell("●", _TONES.get(state, "dim")),
            cell(beat.worker_identity, "strong"),
            cell(beat.task_queue),
            cell(str(used) if used else "", "live"),
            cell(f"{beat.sdk_name.removeprefix('temporal-')} {beat.sdk_version}", "dim"),
            cell(beat.host_info.host_name, "dim"),
            cell(ago(beat.heartbeat_time), "dim"),
        ],
        beat,
    )


def _slots(beat: Any) -> list[tuple[str, Any]]:
    return [
        ("workflow tasks", beat.workflow_task_slots_info),
        ("activities", beat.activity_task_slots_info),
        ("local activities", beat.local_activity_slots_info),
        ("Nexus", beat.nexus_task_slots_info),
    ]


def _describe(source: Source, item: Item) -> list[Cell]:
    beat = item.detail
    state = _state(beat)
    host, version = beat.host_info, beat.deployment_version
    lines = section(
        "Worker",
        facts(
            ("state", state, _TONES.get(state, "")),
            ("task queue", beat.task_queue),
            ("SDK", f"{beat.sdk_name} {beat.sdk_version}"),
            ("deployment", f"{version.deployment_name} {version.build_id}".strip()),
            ("started", clock(beat.start_time)),
            ("heartbeat", ago(beat.heartbeat_time)),
            ("instance", beat.worker_instance_key, "dim"),
        ),
    )
    lines += section("Slots", [line for name, slots in _slots(beat) if (line := _slot_line(name, slots))])
    hits, misses = beat.total_sticky_cache_hit, beat.total_sticky_cache_miss
    lines += section(
        "Host",
        facts(
            ("name", host.host_name),
            ("process", host.process_id),
            ("CPU", f"{host.current_host_cpu_usage:.0%}" if host.current_host_cpu_usage else ""),
            ("memory", f"{host.current_host_mem_usage:.0%}" if host.current_host_mem_usage else ""),
            ("cached", f"{beat.current_sticky_cache_size} workflows"),
            ("cache hits", f"{hits / (hits + misses):.0%}" if hits + misses else ""),
        ),
    )
    return lines


def _slot_line(name: str, slots: Any) -> Cell:
    used, free = slots.current_used_slots, slots.current_available_slots
    done = slots.total_processed_tasks
    if not used and not free and not done:
        return ()
    size = used + free
    full = min(-(-used * _BAR // size), _BAR) if size else 0
    return (
        Part(f"  {name:<16}  ", "dim"),
        Part("━" * full, "live"),
        Part("─" * (_BAR - full), "dim"),
        Part(f"  {used}/{size}" if size else "  "),
        Part(f"  {done} done" if done else "", "dim"),
        Part(f"  {slots.total_failed_tasks} failed" if slots.total_failed_tasks else "", "bad"),
    )


WORKERS = Resource(
    "workers",
    "Workers",
    (
        Column("mark", "", width=1),
        Column("identity", "Worker", weight=2, least=16),
        Column("queue", "Task queue", weight=1, least=10, priority=1),
        Column("busy", "Busy", width=5, align="right", priority=2),
        Column("sdk", "SDK", width=14, priority=4),
        Column("host", "Host", width=16, priority=5),
        Column("seen", "Heartbeat", width=11, align="right", priority=3),
    ),
    _fetch,
    _describe,
    empty="no worker sends heartbeats",
)
