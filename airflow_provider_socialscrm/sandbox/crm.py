"""One SocialsCRM: its settings, customers, faults and calls, and how it answers a call. It knows no HTTP server.

To add an endpoint, write a function that takes a :class:`Crm` and an :class:`ApiCall` and returns an ``Answer``, and
list it in the ``ENDPOINTS`` of its family's module, such as ``customers`` or ``agents``. A new family is a module like
these, listed in ``app.FAMILIES``. The route, the rate limit, the faults and the call log need no further change. A
family keeps what it has to remember in a class of its own, see :meth:`Crm.memory`; ``app`` describes what else it may
have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .calls import CallLog, CallRecord, SlidingWindow
from .codes import OTHER, Answer, Rejected, Reply, WrongMethod
from .effects import reply_after
from .faults import ActiveFaults, Arrival, Fault, Injection, parse_fault

if TYPE_CHECKING:
    from .settings import SandboxSettings
    from .store import CustomerStore

T = TypeVar("T")

SHOWN_USERS = 3
"""Agent logins of a call's rows that its record names; our choice, for the width of a table."""
SHOWN_USER_LENGTH = 60
"""Characters of the logins that a record has; our choice, since anybody can send any text."""
SHOWN_PATH_LENGTH = 100
"""Characters of an unknown path that its record has; our choice, for the same reason."""


class AdminError(ValueError):
    """A request below ``/_sandbox/`` does not fit its endpoint."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One documented interface of the CRM.

    :param method: the HTTP method
    :param path: the API path, which also counts for the rate limit; it may end in a part such as ``{order_id}``
    :param answer: carries out a call; it may raise :class:`Rejected`
    """

    method: str
    path: str
    answer: Callable[[Crm, ApiCall], Answer]

    @property
    def fixed_path(self) -> str:
        """The path without the part that each call has of its own."""
        return self.path.partition("/{")[0]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call as it arrived.

    :param endpoint: the endpoint it came to
    :param headers: HTTP headers, looked up by lower-case name
    :param raw: the body
    :param body: the body's JSON object, None when it is not one
    :param at: the server's clock on arrival, seconds since the epoch
    :param parts: values of the path's own parts and of the query, by name
    :param fault: the fault that struck it, for endpoints that have faults of their own
    """

    endpoint: Endpoint
    headers: Mapping[str, str]
    raw: bytes
    body: Mapping[str, Any] | None
    at: float
    parts: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def json_object(self) -> Mapping[str, Any]:
        """The body.

        :raises Rejected: when it is not a JSON object; the code and text are our assumption
        """
        if self.body is None:
            raise Rejected(OTHER, "body is not a JSON object")
        return self.body

    @property
    def rows(self) -> list[Any]:
        """The call's rows, as far as there are any."""
        body = self.body or {}
        data = body.get("data", body.get("sendInfos"))
        return data if isinstance(data, list) else []

    @property
    def user(self) -> str:
        """The agent login, or the first logins in the rows, as the call gave them."""
        body = self.body or {}
        if user_name := body.get("userName") or body.get("username"):
            return str(user_name)[:SHOWN_USER_LENGTH]
        agents = dict.fromkeys(str(row.get("agentAccount", "")) for row in self.rows if isinstance(row, dict))
        shown = ", ".join(list(agents)[:SHOWN_USERS])[:SHOWN_USER_LENGTH]
        return f"{shown} and {len(agents) - SHOWN_USERS} more" if len(agents) > SHOWN_USERS else shown


class Crm:
    """Settings, customers, faults and calls of one sandbox.

    :param settings: how it answers; :meth:`configure` changes them
    :param store: its customers
    :param clock: seconds since the epoch, of this machine
    :param ticks: seconds of a clock that never goes back
    :param random: returns a number, at least 0 and below 1
    """

    def __init__(
        self,
        settings: SandboxSettings,
        store: CustomerStore,
        *,
        clock: Callable[[], float],
        ticks: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.store = store
        self.faults = ActiveFaults(random)
        self.ticks = ticks
        self._clock = clock
        self._memories: dict[type[Any], Any] = {}
        self._forget_calls()

    def close_memories(self) -> None:
        """Forget what the families remember, and end what they do in the background."""
        while self._memories:
            _, memory = self._memories.popitem()
            if hasattr(memory, "close"):
                memory.close()

    def configure(self, /, **changes: Any) -> None:
        """Change some settings, such as ``refusal="partial"`` or ``extension_fields={"Last Order": "date"}``.

        docs/sandbox.md lists them; they have the names of the command line's options, with underscores.

        :raises SettingsError: when a setting does not exist or a value does not fit; then none is changed
        """
        self.settings = self.settings.changed(changes)

    def inject(self, kind: str, **options: Any) -> None:
        """Put a fault in force, such as ``inject("latency", seconds=0.2, rate=0.1)``.

        :raises FaultError: when the kind does not exist, or an option does not fit it
        """
        self.faults.add(parse_fault({"kind": kind, **options}))

    def customers(self) -> list[dict[str, Any]]:
        """Return all customers in order of first import, as ``GET /_sandbox/customers`` does."""
        return [msgspec.to_builtins(customer) for customer in self.store.customers()]

    def calls(self) -> list[dict[str, Any]]:
        """Return the last calls, oldest first."""
        return [msgspec.to_builtins(call) for call in self.call_log.recent()]

    def stats(self) -> dict[str, Any]:
        """Return counts of customers and calls, and the most calls a path got within one second."""
        totals = self.call_log.totals()
        return {
            "customers": self.store.count(),
            "calls": sum(totals["by_path"].values()),
            "calls_by_path": totals["by_path"],
            "calls_by_code": totals["by_code"],
            "peak_calls_per_second": dict(self._limiter.peaks),
        }

    def reset(self) -> None:
        """Forget customers, calls and faults, but not the settings."""
        self.store.clear()
        self.faults.clear()
        self.close_memories()
        self._forget_calls()

    def memory(self, kind: type[T]) -> T:
        """Return what a family of endpoints remembers until the next reset; the first use makes it.

        :param kind: the family's class, made without arguments; it has to be safe to use from several threads, and its
            ``close``, if it has one, is called at the end
        """
        found: T = self._memories.get(kind) or self._memories.setdefault(kind, kind())
        return found

    def now(self) -> float:
        """Return the server's clock, skewed by ``clock_offset``: seconds since the epoch."""
        return self._clock() + self.settings.clock_offset

    def received(
        self, endpoint: Endpoint, headers: Mapping[str, str], raw: bytes, parts: Mapping[str, str] | None = None
    ) -> ApiCall:
        """Return a call that arrives now."""
        return ApiCall(endpoint, headers, raw, _json_object(raw), self.now(), parts or {})

    def admit(self, call: ApiCall) -> Injection | None:
        """Count a call and return the faults that strike it, or None when it is above the rate limit."""
        path = call.endpoint.path
        if self._limiter.admit(path, self.ticks(), self.settings.calls_per_second):
            arrival = Arrival(call.endpoint.fixed_path, self.ticks(), self.call_log.has_success, len(call.rows))
            return self.faults.injection(arrival)
        return None

    def reply(self, call: ApiCall, injection: Injection | None) -> Reply:
        """Carry out a call, unless the rate limit or a fault prevents it, and return its reply after the fault."""
        if injection is None:
            return Reply.throttled(self.settings.over_limit)
        if not injection.reaches_crm:
            return reply_after(injection.fault, Reply(None))
        try:
            answer = call.endpoint.answer(self, replace(call, fault=injection.fault))
        except Rejected as rejected:
            answer = Answer.of(rejected)
        except WrongMethod:
            return Reply(HTTPStatus.METHOD_NOT_ALLOWED)
        return reply_after(injection.fault, Reply.of(answer))

    def record(self, call: ApiCall, injection: Injection | None, reply: Reply, seconds: float) -> None:
        """Remember a call that has been replied to.

        :param seconds: how long it took
        """
        self.call_log.add(
            CallRecord(
                at=call.at,
                path=call.endpoint.path,
                user=call.user,
                rows=len(call.rows),
                code=reply.code,
                message=reply.message,
                status=reply.status,
                fault="over the rate limit" if injection is None else injection.name,
                seconds=seconds,
            )
        )

    def record_unknown(self, path: str, status: int) -> None:
        """Remember a call to a path, or with a method, that no endpoint has.

        :param status: the HTTP status of its response
        """
        self.call_log.add(
            CallRecord(
                at=self.now(),
                path=path[:SHOWN_PATH_LENGTH],
                user="",
                rows=0,
                code=None,
                message="unknown endpoint",
                status=status,
                fault=None,
                seconds=0.0,
            )
        )

    def _forget_calls(self) -> None:
        self.call_log = CallLog()
        self._limiter = SlidingWindow()


def _json_object(raw: bytes) -> Mapping[str, Any] | None:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError):  # of msgspec's errors only those of 0.21 and newer are ValueErrors
        return None
    return value if isinstance(value, dict) else None
