"""Activities touch the outside world; the server retries them until they succeed or their policy says enough."""

from __future__ import annotations

from temporalio import activity

GREETINGS = {"en": "Hello", "fr": "Bonjour", "de": "Hallo", "es": "Hola"}


@activity.defn
async def compose_greeting(name: str, language: str) -> str:
    """In a real project this would call a service; here it only looks a word up."""
    return f"{GREETINGS[language]}, {name}!"
