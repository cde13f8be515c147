"""Sets of compatible build ids of a task queue (the first, deprecated form of worker versioning): data only.

The last set is the queue's default, the last id of a set is the set's default.
"""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import UpdateWorkerBuildIdCompatibilityRequest

from wfctl.devserver.core.errors import FailedPrecondition, InvalidArgument, NotFound
from wfctl.devserver.core.validation import MAX_BUILD_ID_LENGTH, length

Sets = list[list[str]]
MAX_SETS = 10  # limit.versionCompatibleSetLimitPerQueue
MAX_BUILD_IDS = 100  # limit.versionBuildIdLimitPerQueue


def check_request(request: UpdateWorkerBuildIdCompatibilityRequest) -> None:
    """Raises InvalidArgument with all that is wrong."""
    problems = []
    if not request.namespace:
        problems.append("`namespace` to be set")
    if not request.task_queue:
        problems.append("`task_queue` to be set")
    operation = request.WhichOneof("operation")
    if operation is None:
        problems.append("an operation to be specified")
    elif operation == "add_new_compatible_build_id":
        add = request.add_new_compatible_build_id
        problems += _id_problems(add.new_build_id, "add_new_compatible_version")
        if not add.existing_compatible_build_id:
            problems.append("`existing_compatible_version` to be set")
    elif operation in _NAMES:
        problems += _id_problems(getattr(request, operation), _NAMES[operation])
    if problems:
        raise InvalidArgument(", ".join(["request to update worker build ID compatability requires: ", *problems]))


_NAMES = {
    "add_new_build_id_in_new_default_set": "add_new_version_id_in_new_default_set",
    "promote_set_by_build_id": "promote_set_by_version_id",
    "promote_build_id_within_set": "promote_version_id_within_set",
}


def _id_problems(build_id: str, shown: str) -> list[str]:
    if not build_id:
        return [f"`{shown}` to be set"]
    if length(build_id) > MAX_BUILD_ID_LENGTH:
        return [f" Worker build IDs to be no larger than {MAX_BUILD_ID_LENGTH} characters"]
    return []


def updated(sets: Sets, request: UpdateWorkerBuildIdCompatibilityRequest) -> Sets:
    """The sets after the request's operation."""
    copy = [list(build_ids) for build_ids in sets]
    operation = request.WhichOneof("operation")
    if operation == "add_new_build_id_in_new_default_set":
        _add_default(copy, request.add_new_build_id_in_new_default_set)
    elif operation == "add_new_compatible_build_id":
        add = request.add_new_compatible_build_id
        _add_compatible(copy, add.new_build_id, add.existing_compatible_build_id, make_default=add.make_set_default)
    elif operation == "promote_set_by_build_id":
        copy.append(copy.pop(_must_find(copy, request.promote_set_by_build_id, "targeted version")))
    elif operation == "promote_build_id_within_set":
        build_id = request.promote_build_id_within_set
        build_ids = copy[_must_find(copy, build_id, "targeted version")]
        build_ids.remove(build_id)
        build_ids.append(build_id)
    elif operation == "merge_sets":
        merge = request.merge_sets
        _merge(copy, merge.primary_set_build_id, merge.secondary_set_build_id)
    _check_limits(copy)
    return copy


def _find(sets: Sets, build_id: str) -> int | None:
    return next((index for index, build_ids in enumerate(sets) if build_id in build_ids), None)


def _must_find(sets: Sets, build_id: str, what: str) -> int:
    index = _find(sets, build_id)
    if index is None:
        raise NotFound(f"{what} {build_id} not found")
    return index


def _add_default(sets: Sets, build_id: str) -> None:
    if sets and sets[-1] == [build_id]:
        return
    if _find(sets, build_id) is not None:
        raise InvalidArgument(f"version {build_id} already exists")
    sets.append([build_id])


def _add_compatible(sets: Sets, build_id: str, existing: str, *, make_default: bool) -> None:
    index = _must_find(sets, existing, "targeted compatible_version")
    present = _find(sets, build_id)
    if present is None:
        sets[index].append(build_id)
        if make_default:
            sets.append(sets.pop(index))
        return
    if present != index:
        raise InvalidArgument(
            f"{build_id} requested to be made compatible with {existing} but both versions exist and are incompatible"
        )
    if make_default and index != len(sets) - 1:
        raise InvalidArgument(f"version {build_id} already exists and is not default for queue")
    if sets[index][-1] != build_id:
        raise InvalidArgument(f"version {build_id} already exists and is not default in set")


def _merge(sets: Sets, primary: str, secondary: str) -> None:
    """One set instead of two; the primary's default stays the default."""
    first = _must_find(sets, primary, "targeted primary version")
    second = _must_find(sets, secondary, "targeted secondary version")
    if first != second:
        sets[first][:0] = sets[second]
        del sets[second]


def _check_limits(sets: Sets) -> None:
    if len(sets) > MAX_SETS:
        raise FailedPrecondition(
            "update would exceed number of compatible version sets permitted in namespace dynamic config"
            f" ({len(sets)}/{MAX_SETS})"
        )
    count = sum(map(len, sets))
    if count > MAX_BUILD_IDS:
        raise FailedPrecondition(
            f"update would exceed number of build IDs permitted in namespace dynamic config ({count}/{MAX_BUILD_IDS})"
        )
