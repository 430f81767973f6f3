"""Runs a sandbox in a thread of this process."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn

from .app import make_app
from .connection import connection_json
from .crm import Crm
from .settings import SandboxSettings
from .store import IN_MEMORY, CustomerStore
from .wire import ConnectionProtocol

if TYPE_CHECKING:
    from typing import Self

START_TIMEOUT = 10.0
"""Seconds to wait for the server; our choice, it takes a small part of one."""
START_POLL = 0.005
"""Seconds between two looks whether the server has started; our choice."""
STOP_TIMEOUT = 2
"""Seconds that open calls are given to end when the server stops; our choice."""


class Sandbox:
    """A local SocialsCRM, running while its ``with`` block does.

    ::

        with Sandbox() as crm:
            crm.inject("reset_after", times=1)
            ...  # run a DAG against crm.connection_json()
            assert len(crm.customers()) == 3

    :param settings: how it answers; default :class:`SandboxSettings` as it stands
    :param host: address to listen on; default this machine only
    :param port: port to listen on; default 0, any free one
    :param database: path of an SQLite file that keeps the customers; default in memory
    :param seed: of the random numbers that decide about faults with a ``rate``; default 0, so that runs repeat
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        database: str = IN_MEMORY,
        seed: int = 0,
    ) -> None:
        self.host = host
        self.port = port
        self._crm = Crm(
            settings or SandboxSettings(),
            CustomerStore(database),
            clock=time.time,
            ticks=time.monotonic,
            random=random.Random(seed).random,  # noqa: S311 - repeatable faults, no secrets
        )

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    @property
    def settings(self) -> SandboxSettings:
        """The settings in force."""
        return self._crm.settings

    def configure(self, **changes: Any) -> None:
        """Change some settings of the running sandbox, such as ``refusal="partial"``.

        :raises SettingsError: when a setting does not exist or a value does not fit; then none is changed
        """
        self._crm.configure(changes)

    def inject(self, kind: str, **options: Any) -> None:
        """Put a fault in force, such as ``inject("latency", seconds=0.2, rate=0.1)``.

        :raises FaultError: when the kind does not exist, or an option does not fit it
        """
        self._crm.inject({"kind": kind, **options})

    def customers(self) -> list[dict[str, Any]]:
        """Return all customers in order of first import, as ``GET /_sandbox/customers`` does."""
        return [msgspec.to_builtins(customer) for customer in self._crm.store.customers()]

    def calls(self) -> list[dict[str, Any]]:
        """Return the last calls, oldest first."""
        return [msgspec.to_builtins(call) for call in self._crm.calls.recent()]

    def stats(self) -> dict[str, Any]:
        """Return counts, as ``GET /_sandbox/stats`` does."""
        return self._crm.stats()

    def reset(self) -> None:
        """Forget customers, calls and faults; the settings stay."""
        self._crm.reset()

    def connection_json(
        self, auth_scheme: str = "body", *, login: str | None = None, password: str | None = None
    ) -> str:
        """Return an Airflow connection to this sandbox, for an environment variable ``AIRFLOW_CONN_...``.

        :param auth_scheme: ``body`` or ``header``
        :param login: the agent; default the first one
        :param password: default the ApiKey; give something else where it should not be seen
        """
        return connection_json(self.settings, self.url, auth_scheme, login=login, password=password)

    def __enter__(self) -> Self:
        with ExitStack() as started:
            started.callback(self._crm.store.close)
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            listener = started.enter_context(socket.create_server((self.host, self.port), family=family))
            # asyncio does this for sockets of its own; without it each answer on an open connection waits some 40 ms.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.port = listener.getsockname()[1]
            started.enter_context(_running(self._crm, listener))
            self._started = started.pop_all()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._started.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which wakes waiting calls when it stops."""

    def __init__(self, crm: Crm) -> None:
        self._stopping = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                make_app(crm, self._sleep),
                http=ConnectionProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                date_header=False,  # ours tells the skewed clock
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
def _running(crm: Crm, listener: socket.socket) -> Iterator[None]:
    server = _Server(crm)
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
            raise RuntimeError("the sandbox's web server did not start; the log of uvicorn says why")
        time.sleep(START_POLL)
