"""
What the API needs of the running agent, beyond its store.
"""

import time
from collections.abc import Callable, Iterable

from collector.analyzer import Analyzer
from collector.correlate.standing import Question
from collector.host.threads import in_thread
from collector.memory.history import MemoryHistory
from collector.memory.sizing import Sizing
from collector.memory.usage import MemoryUse
from collector.pipeline.questions import Questions, Settled
from collector.sources.docker.client import DockerClient
from collector.web.api.containers import RunningContainer
from collector.web.api.why import Down


class RunningAgent:
    """
    The agent as the API sees it.

    Args:
        questions: waits until everything is stored.
        analyzer: which containers run.
        down: returns the sources that should be read and are not, each with the reason.
        docker_url: returns where Docker is asked about exec.
        now_ns: the wall clock.
    """

    def __init__(
        self,
        questions: Questions,
        analyzer: Analyzer,
        *,
        down: Callable[[], Iterable[tuple[str, str]]],
        docker_url: Callable[[], str],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._questions = questions
        self._analyzer = analyzer
        self._down = down
        self._docker_url = docker_url
        self.now_ns = now_ns

    async def settle(self, question: Question, wait_s: float) -> Settled:
        """
        Wait until everything that happened to a container is stored.
        """
        return await self._questions.settle(question, wait_s)

    def down(self) -> list[Down]:
        """
        Return the sources that should be read and are not.
        """
        return [Down(source=source, why=why) for source, why in self._down()]

    def containers(self) -> list[RunningContainer]:
        """
        Return the running containers.
        """
        return [RunningContainer(name=name, use=use) for use, name in self._analyzer.memory_use()]

    def sizing(self, use: MemoryUse, history: MemoryHistory) -> Sizing:
        """
        Return how much memory a running container needs.

        Args:
            use: its memory now.
            history: its memory in stored events.
        """
        return self._analyzer.sizing(use.sample, history, self.now_ns())

    async def exec_process(self, exec_id: str) -> tuple[str, int | None] | None:
        """
        Return the container and the pid of a process that `docker exec` started; None if Docker does not know it.

        Raises:
            SourceError: the engine does not answer.
        """
        return await in_thread(lambda: self._asked_docker(exec_id))

    def _asked_docker(self, exec_id: str) -> tuple[str, int | None] | None:
        client = DockerClient(self._docker_url())
        try:
            return client.exec_process(exec_id)
        finally:
            client.close()
