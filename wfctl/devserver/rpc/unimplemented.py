"""What RPCs without a row answer: UNIMPLEMENTED, in the real server's words where it refuses the call too."""

from __future__ import annotations

from collections.abc import Mapping

_DEPLOYMENTS = "Deployments are deprecated and no longer supported, use Worker Deployments instead"

_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "DescribeDeployment",
            "ListDeployments",
            "GetDeploymentReachability",
            "GetCurrentDeployment",
            "SetCurrentDeployment",
        ),
        _DEPLOYMENTS,
    ),
    **{name: f"{name} command is not enabled." for name in ("FetchWorkerConfig", "UpdateWorkerConfig")},
    **{
        name: f"method {name} not supported"
        for name in (
            "CreateWorkflowRule",
            "DeleteWorkflowRule",
            "DescribeWorkflowRule",
            "ListWorkflowRules",
            "TriggerWorkflowRule",
        )
    },
}


def message(name: str) -> str:
    return _WORDS.get(name, f"{name} is not implemented by wfctl")
