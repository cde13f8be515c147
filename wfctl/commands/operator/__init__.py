"""`wfctl operator`: the table of its nouns and their commands."""

from __future__ import annotations

from wfctl.commands._tree import LazyGroup, Row

_NAMESPACE = "wfctl.commands.operator.namespace"
_SEARCH_ATTRIBUTE = "wfctl.commands.operator.search_attribute"
_CLUSTER = "wfctl.commands.operator.cluster"

namespace = LazyGroup(
    {
        "create": Row(f"{_NAMESPACE}:create", "Make a namespace"),
        "describe": Row(f"{_NAMESPACE}:describe", "Settings of a namespace"),
        "list": Row(f"{_NAMESPACE}:list_namespaces", "List namespaces"),
        "update": Row(f"{_NAMESPACE}:update", "Change a namespace"),
        "delete": Row(f"{_NAMESPACE}:delete", "Delete a namespace and all its workflows"),
    },
    help="Make, see, change and delete namespaces. The namespace is named by --namespace.",
)

search_attribute = LazyGroup(
    {
        "create": Row(f"{_SEARCH_ATTRIBUTE}:create", "Add custom search attributes"),
        "list": Row(f"{_SEARCH_ATTRIBUTE}:list_attributes", "List search attributes"),
        "remove": Row(f"{_SEARCH_ATTRIBUTE}:remove", "Remove custom search attributes"),
    },
    help="The attributes that workflows can be searched by: Text, Keyword, Int, Double, Bool, Datetime, KeywordList.",
)

cluster = LazyGroup(
    {
        "health": Row(f"{_CLUSTER}:health", "Is the server well?"),
        "system": Row(f"{_CLUSTER}:system", "Server version and capabilities"),
        "describe": Row(f"{_CLUSTER}:describe", "Name and stores of the cluster"),
        "list": Row(f"{_CLUSTER}:list_clusters", "Clusters that this one knows"),
    },
    help="The server itself.",
)

app = LazyGroup(
    {
        "namespace": Row("wfctl.commands.operator:namespace", "Make, see, change and delete namespaces"),
        "search-attribute": Row("wfctl.commands.operator:search_attribute", "Attributes to search workflows by"),
        "cluster": Row("wfctl.commands.operator:cluster", "The server itself"),
    },
    help="Namespaces, search attributes and the cluster.",
)
