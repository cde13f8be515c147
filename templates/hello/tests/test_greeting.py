from __future__ import annotations

from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, Worker

from activities import compose_greeting
from workflows import TASK_QUEUE, Greeting

HISTORIES = Path(__file__).parents[1] / "histories"


async def test_the_greeting_speaks_the_language_that_was_chosen(client: Client) -> None:
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Greeting], activities=[compose_greeting]):
        handle = await client.start_workflow(Greeting.run, "Ada", id="greet-ada", task_queue=TASK_QUEUE)
        await handle.signal(Greeting.set_language, "fr")
        assert await handle.query(Greeting.language) == "fr"
        assert await handle.result() == "Bonjour, Ada!"


async def test_a_stored_history_still_replays() -> None:
    history = WorkflowHistory.from_json("greeting", (HISTORIES / "greeting.json").read_text())
    await Replayer(workflows=[Greeting]).replay_workflow(history)
