"""Run a sandbox in a thread of this process."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING

import uvicorn

from .access import Access
from .app import make_app
from .connection import SandboxConnection, connection_to, shown_connection
from .crm import Crm
from .responses import ConnectionProtocol
from .settings import SandboxSettings
from .store import IN_MEMORY, CustomerStore

if TYPE_CHECKING:
    from typing import Self

START_TIMEOUT = 10.0
"""Seconds to wait until the server has started; our choice, it takes a small part of one."""
START_POLL = 0.005
"""Seconds between two checks whether the server has started; our choice."""
STOP_TIMEOUT = 2
"""Seconds that open calls have to end when the server stops; our choice."""


class Sandbox(Crm):
    """A local SocialsCRM that listens on a port during its ``with`` block.

    ::

        with Sandbox() as crm:
            crm.inject("reset_after", times=1)
            ...  # run a DAG against crm.connection_json()
            assert len(crm.customers()) == 3

    :param settings: how it answers; default :class:`SandboxSettings` without a change
    :param host: address to listen on; default this machine only
    :param port: port to listen on; default 0, any free one
    :param database: path of an SQLite file for the customers; default in memory
    :param seed: seed of the random numbers that decide about faults with a ``rate``; default 0, so that runs repeat
    :param allow_hosts: names in the header ``Host`` that it answers to, besides this machine's and ``host``; ``*``: all
    :param allow_origins: origins of other web pages that may use the endpoints below ``/_sandbox/``; ``*``: all
    :param show_key: whether its page shows an ApiKey that you chose; the default one is always shown
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        database: str = IN_MEMORY,
        seed: int = 0,
        allow_hosts: Iterable[str] = (),
        allow_origins: Iterable[str] = (),
        show_key: bool = False,
    ) -> None:
        super().__init__(
            settings or SandboxSettings(),
            CustomerStore(database),
            clock=time.time,
            ticks=time.monotonic,
            random=random.Random(seed).random,  # noqa: S311 - repeatable faults, no secrets
        )
        self.host = host
        self.port = port
        self.access = Access(host, allow_hosts, allow_origins)
        self.show_key = show_key

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def connection_json(
        self, auth_scheme: str = "body", *, login: str | None = None, password: str | None = None
    ) -> str:
        """Return an Airflow connection to this sandbox, for an environment variable ``AIRFLOW_CONN_...``.

        :param auth_scheme: ``body`` or ``header``
        :param login: the agent; default the first one
        :param password: default the ApiKey; give something else where nobody should see it
        """
        made = connection_to(self.settings, self.url, auth_scheme=auth_scheme, login=login, password=password)
        return made.as_json()

    def shown_connection(self) -> SandboxConnection:
        """Return the connection that people see."""
        return shown_connection(self.settings, self.url, show_key=self.show_key)

    def __enter__(self) -> Self:
        with ExitStack() as started:
            started.callback(self.store.close)
            started.callback(self.close_memories)
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            listener = started.enter_context(socket.create_server((self.host, self.port), family=family))
            # asyncio does this for sockets of its own; without it each response on an open connection waits some 40 ms.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.port = listener.getsockname()[1]
            started.enter_context(_running(self, listener))
            self._started = started.pop_all()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._started.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which wakes waiting calls when it stops."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._stopping = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                make_app(sandbox, self._sleep, sandbox.access, show_key=sandbox.show_key),
                http=ConnectionProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                date_header=False,  # ours shows the skewed clock
                timeout_graceful_shutdown=STOP_TIMEOUT,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


@contextmanager
def _running(sandbox: Sandbox, listener: socket.socket) -> Iterator[None]:
    server = _Server(sandbox)
    thread = threading.Thread(target=server.run, args=([listener],), name="socialscrm-sandbox")
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield
    finally:
        server.should_exit = True
        thread.join()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the sandbox's web server did not start; uvicorn's log says why")
        time.sleep(START_POLL)
