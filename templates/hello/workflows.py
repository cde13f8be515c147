"""Workflows decide; they are replayed from their history, so they must decide the same every time."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import GREETINGS, compose_greeting

TASK_QUEUE = "hello"


@workflow.defn
class Greeting:
    """Gives a moment to choose another language, then greets."""

    def __init__(self) -> None:
        self._language = "en"
        self._chosen = False

    @workflow.run
    async def run(self, name: str) -> str:
        try:
            await workflow.wait_condition(lambda: self._chosen, timeout=timedelta(seconds=1))
        except TimeoutError:
            workflow.logger.info("nobody chose a language; staying with %s", self._language)
        return await workflow.execute_activity(
            compose_greeting, args=[name, self._language], start_to_close_timeout=timedelta(seconds=10)
        )

    @workflow.signal
    def set_language(self, language: str) -> None:
        if language in GREETINGS:
            self._language = language
            self._chosen = True

    @workflow.query
    def language(self) -> str:
        return self._language
