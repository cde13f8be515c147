"""Code of another language, as a worker process sees it: a runner that is asked about one history after another."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection, Sequence

from wfctl.replay import rules
from wfctl.replay.diagnosis import Diagnosis
from wfctl.replay.messages import LoadFailure, RunnerCommand
from wfctl.replay.model import Verdict
from wfctl.replay.reading import ReadHistory
from wfctl.replay.runners import judging
from wfctl.replay.runners.protocol import Misspoken, Runner, RunnerDied, last_words


class RunnerCode:
    """A runner that has said hello. When it dies, so does the process that asked it: the checker starts both anew."""

    def __init__(self, command: RunnerCommand) -> None:
        self._command = command
        self._runner = Runner(command)
        hello = self._runner.hello()
        self.types: Collection[str] | None = hello.types
        self.has_dynamic = hello.has_dynamic
        self.failures: Sequence[LoadFailure] = ()

    def start(self) -> None:
        """The runner has been up since it said hello."""

    async def explain(self, history: ReadHistory) -> tuple[Diagnosis, bool]:
        try:
            answer = await asyncio.to_thread(self._runner.judge, history)
        except RunnerDied as died:
            return _death(died), True
        except Misspoken as error:
            self._runner.end()
            return _trouble(str(error)), True
        if answer.leaving:
            self._runner.end()
        return judging.diagnose(answer, history, self._command.project), answer.leaving


def _death(died: RunnerDied) -> Diagnosis:
    killed = -died.exit_code in (signal.SIGKILL, signal.SIGTERM)
    guess = "out of memory?" if killed else "does the code end the process?"
    detail = f"the runner {died.how} while this history was replayed: {guess}{last_words()}"
    verdict = Verdict.INFRASTRUCTURE if killed else Verdict.WORKFLOW_ERROR
    return Diagnosis(verdict, detail, (rules.finding(rules.EXITED, detail),))


def _trouble(detail: str) -> Diagnosis:
    return Diagnosis(Verdict.INFRASTRUCTURE, detail, (rules.finding(rules.INFRASTRUCTURE, detail),))
