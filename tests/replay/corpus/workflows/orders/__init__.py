"""Fulfilment of orders: a package with its own base class, models and helpers."""

from .flow import Fulfilment

__all__ = ["Fulfilment"]
