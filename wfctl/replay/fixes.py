"""What to write, and where: the `workflow.patched(…)` block with the user's own lines, or the commands that reset a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from wfctl.replay import commands, source
from wfctl.replay.catalogue import RULES
from wfctl.replay.classify import Verdict
from wfctl.replay.model import Command
from wfctl.replay.source import Site, Source

_INDENT = "    "
_LOCALS = re.compile(r"[^a-z0-9]+")


def fix(found: Verdict, reset_event_id: int, workflow_id: str) -> str:
    """The fix for one divergence: a block when the source allows one, and what else would help."""
    rule = RULES.get(found.rule)
    block = _block(found)
    if not block:
        return f"{rule.fix}\n{_or_reset(reset_event_id, workflow_id)}".strip() if rule is not None else ""
    return f"{block}\n{_or_else(reset_event_id, workflow_id)}"


def _or_else(event_id: int, workflow_id: str) -> str:
    pinned = "Or leave runs under way on the old code: worker versioning, with this workflow pinned."
    return f"{pinned}\n{_or_reset(event_id, workflow_id)}".strip()


def _or_reset(event_id: int, workflow_id: str) -> str:
    if event_id <= 0:
        return ""
    command = f'wfctl workflow reset -w {_quoted(workflow_id)} -e {event_id} --reason "new code"'
    return f"Or run this one again from before the change: {command}"


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./:@-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _block(found: Verdict) -> str:
    parsed = source.source_of(found.location)
    site = parsed.at(found.location.line) if parsed is not None and found.location is not None else None
    recorded, produced = found.recorded, found.produced
    if found.rule in ("patch-removed-too-early", "patch-renamed", "patch-moved") and recorded is not None:
        return _patch_block(found, recorded)
    if parsed is None or site is None:
        return ""
    where = f"{Path(parsed.file).name}:{site.line}"
    lines = parsed.text(site)
    if found.rule.endswith("-added") and produced is not None:
        return _head(where) + _gate(patch_id("add", produced), lines)
    if found.rule.endswith("-renamed") and recorded is not None and produced is not None:
        old = [line.replace(_last(produced.name), _last(recorded.name)) for line in lines]
        if old != lines:
            return _head(where) + _gate(patch_id("new", produced), lines, old)
        return ""
    if found.rule.endswith("-reordered") and found.sites:
        return _head(where) + _reordered_block(parsed, site, found)
    if found.rule.endswith("-removed") and recorded is not None:
        return f"Before {where}, put back what was removed, for runs that have it:\n\n" + _gate_not(
            patch_id("drop", recorded), old_lines(recorded)
        )
    return ""


def _head(where: str) -> str:
    return f"At {where}, keep the old path for runs under way:\n\n"


def _gate(patch: str, new: Sequence[str], old: Sequence[str] = ()) -> str:
    made = [f'if workflow.patched("{patch}"):', *(_INDENT + line for line in new)]
    if old:
        made += ["else:", *(_INDENT + line for line in old)]
    return _shown(made)


def _gate_not(patch: str, old: Sequence[str]) -> str:
    return _shown([f'if not workflow.patched("{patch}"):', *(_INDENT + line for line in old)])


def _shown(lines: Sequence[str]) -> str:
    return "".join(f"{_INDENT}{line}\n" for line in lines)


def _reordered_block(parsed: Source, site: Site, found: Verdict) -> str:
    other = next((one for one in found.sites if one.line != site.line), None)
    if other is None or found.recorded is None:
        return _gate(patch_id("reorder", found.recorded), parsed.text(site))
    new = [*parsed.text(site), *parsed.text(other)]
    old = [*parsed.text(other), *parsed.text(site)]
    return _gate(patch_id("reorder", found.recorded), new, old)


def _patch_block(found: Verdict, recorded: Command) -> str:
    where = f" at {Path(found.location.file).name}:{found.location.line}" if found.location is not None else ""
    if found.rule == "patch-removed-too-early":
        return f"Where the patch was{where}, until no run with its marker is left:\n\n" + _shown(
            [f'workflow.deprecate_patch("{recorded.name}")']
        )
    if found.rule == "patch-renamed":
        return f"Give the patch its recorded id again{where}:\n\n" + _shown([f'workflow.patched("{recorded.name}")'])
    return f'Ask for workflow.patched("{recorded.name}") before the commands that follow its marker{where}.\n'


def patch_id(verb: str, command: Command | None) -> str:
    name = command.name if command is not None else ""
    word = _LOCALS.sub("-", _last(name).lower().replace("_", "-")).strip("-")
    if command is not None and command.kind == commands.TIMER:
        word = "sleep"
    noun = {commands.UPSERT: "search-attributes", commands.MEMO: "memo"}.get(command.kind if command else "", "")
    return f"{verb}-{noun or word or 'command'}"


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def old_lines(recorded: Command) -> list[str]:
    """The recorded command as code, as near as its event tells."""
    attributes = dict(recorded.attributes)
    if recorded.kind == commands.ACTIVITY:
        return [_call("execute_activity", recorded, attributes, _timeouts(attributes))]
    if recorded.kind == commands.LOCAL_ACTIVITY:
        return [f'await workflow.execute_local_activity("{recorded.name}", …)']
    if recorded.kind == commands.TIMER:
        return [f"await workflow.sleep({attributes['duration'].rstrip('s')})"]
    if recorded.kind == commands.CHILD:
        return [_call("execute_child_workflow", recorded, attributes, f', id="{recorded.id}"')]
    if recorded.kind == commands.SIGNAL_EXTERNAL:
        return [f'await workflow.get_external_workflow_handle("{recorded.id}").signal("{recorded.name}", …)']
    if recorded.kind == commands.UPSERT:
        return [f"workflow.upsert_search_attributes([…])  # {recorded.name}"]
    if recorded.kind == commands.MEMO:
        return [f"workflow.upsert_memo({{…}})  # {recorded.name}"]
    return [f"…  # the lines that made {recorded.event_type or recorded.kind} (event {recorded.event_id})"]


def _call(verb: str, recorded: Command, attributes: dict[str, str], more: str) -> str:
    arguments = commands.shortened(attributes.get("arguments", ""))
    given = f", args=[{arguments}]" if arguments else ""
    return f'await workflow.{verb}("{recorded.name}"{given}{more})'


def _timeouts(attributes: dict[str, str]) -> str:
    value = attributes.get("start_to_close_timeout", "").rstrip("s")
    return f", start_to_close_timeout=timedelta(seconds={value})" if value and value != "0" else ""
