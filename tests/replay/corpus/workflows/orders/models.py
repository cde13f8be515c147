"""What the workflow is given and gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Priority(StrEnum):
    LOW = "low"
    HIGH = "high"


@dataclass
class Item:
    sku: str
    quantity: int = 1


@dataclass
class Order:
    number: str
    items: list[Item] = field(default_factory=list)
    priority: Priority = Priority.LOW
    gift: bool = False


@dataclass
class Receipt:
    number: str
    label: str
    steps: list[str] = field(default_factory=list)
