"""The data that crosses process borders: plain dataclasses, JSON on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

ONE_DAY_SECONDS = 86_400


@dataclass
class Order:
    order_id: str
    item: str = "kettle"
    quantity: int = 1
    amount_cents: int = 4_200
    card: str = "4242"
    address: str = "1 Main Street"
    approval_seconds: float = ONE_DAY_SECONDS


@dataclass
class Decision:
    approved: bool
    by: str


@dataclass
class Status:
    """What the `status` query answers."""

    stage: str
    done: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    decided_by: str | None = None


@dataclass
class Outcome:
    """How an order ended without an error: shipped, rejected or expired."""

    order_id: str
    result: str
    tracking: str | None = None
    undone: list[str] = field(default_factory=list)
