"""One SocialsCRM: what it remembers, and how it answers one call. Knows no HTTP server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from .answers import Answer, settle
from .authentication import check_body_signed, check_body_tenant, check_header_signed
from .calls import CallLog, CallRecord
from .codes import OTHER, SUCCESS, Refused
from .faults import parse_fault, reaches_crm, spoiled
from .limiter import SlidingWindow
from .rack import FaultRack, Strike
from .replies import Reply, reply_of, too_many_calls
from .rows import check_size, judge

if TYPE_CHECKING:
    from .settings import SandboxSettings
    from .store import CustomerStore

IMPORT_PATH = "/wscrm-bus-api/customer/api/import"
BATCH_IMPORT_PATH = "/wscrm-bus-api/customer/api/batchImport"
USER_QUERY_PATH = "/se-api/user/query"

MAIN_USER_ID = 1
"""Answered as ``mainUserId`` of every agent; any number would do."""

SHOWN_USERS = 3
"""Agent logins of a call's rows that its record names; our choice, for the width of a table."""
SHOWN_USER_LENGTH = 60
"""Characters of the logins that a record keeps; our choice, since anybody can send any text."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call as it arrived.

    :param path: the API path
    :param headers: HTTP headers, looked up by lower-case name
    :param raw: the body
    :param body: the body's JSON object, None when it is not one
    :param at: the server's clock on arrival, seconds since the epoch
    """

    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Mapping[str, Any] | None
    at: float

    @property
    def rows(self) -> list[Any]:
        """The call's rows, as far as there are any."""
        data = (self.body or {}).get("data")
        return data if isinstance(data, list) else []


class Crm:
    """Settings, customers, faults and calls of one sandbox.

    :param settings: how it answers; replace the attribute to change it
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
        self.faults = FaultRack(random)
        self.ticks = ticks
        self._clock = clock
        self._handlers = {
            IMPORT_PATH: self._import,
            BATCH_IMPORT_PATH: self._batch_import,
            USER_QUERY_PATH: self._user_query,
        }
        self._forget_calls()

    def now(self) -> float:
        """Return the server's clock, skewed by ``clock_offset``: seconds since the epoch."""
        return self._clock() + self.settings.clock_offset

    def received(self, path: str, headers: Mapping[str, str], raw: bytes) -> ApiCall:
        """Return a call that arrives now."""
        return ApiCall(path, headers, raw, _json_object(raw), self.now())

    def admit(self, call: ApiCall) -> Strike | None:
        """Count a call and return what is going to strike it, or None when it is above the rate limit."""
        if self.limiter.admit(call.path, self.ticks(), self.settings.calls_per_second):
            return self.faults.draw(call.path)
        return None

    def reply(self, call: ApiCall, strike: Strike | None) -> Reply:
        """Carry out a call, if it comes that far, and return its reply with the fault that struck it."""
        if strike is None:
            return too_many_calls(self.settings.over_limit)
        if strike.fault is None:
            return reply_of(self._answer(call))
        reply = reply_of(self._answer(call)) if reaches_crm(strike.fault) else Reply(None)
        return spoiled(reply, strike.fault)

    def record(self, call: ApiCall, strike: Strike | None, reply: Reply, seconds: float) -> None:
        """Remember a call that has been replied to."""
        self.calls.add(
            CallRecord(
                at=call.at,
                path=call.path,
                user=_user(call),
                rows=len(call.rows),
                code=reply.code,
                message=reply.message,
                status=reply.status,
                fault=_fault_name(strike),
                seconds=seconds,
            )
        )

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change some settings.

        :raises SettingsError: when a setting does not exist or a value does not fit; then none is changed
        """
        self.settings = self.settings.changed(changes)

    def inject(self, rule: Mapping[str, Any]) -> None:
        """Put a fault in force.

        :raises FaultError: when the kind does not exist, or an option does not fit it
        """
        self.faults.add(parse_fault(rule))

    def stats(self) -> dict[str, Any]:
        """Return counts of customers and calls, and the most calls a path took within any one second."""
        totals = self.calls.totals()
        return {
            "customers": self.store.count(),
            "calls": sum(totals["by_path"].values()),
            "calls_by_path": totals["by_path"],
            "calls_by_code": totals["by_code"],
            "peak_calls_per_second": dict(self.limiter.peaks),
        }

    def reset(self) -> None:
        """Forget customers, calls and faults; the settings stay."""
        self.store.clear()
        self.faults.clear()
        self._forget_calls()

    def _forget_calls(self) -> None:
        self.calls = CallLog()
        self.limiter = SlidingWindow()

    def _answer(self, call: ApiCall) -> Answer:
        try:
            return self._handlers[call.path](call)
        except Refused as refused:
            return Answer.of(refused)

    def _import(self, call: ApiCall) -> Answer:
        body = _object(call)
        agent = check_body_signed(body, self.settings, call.at)
        return self._take(call, body, agent)

    def _batch_import(self, call: ApiCall) -> Answer:
        check_header_signed(call.headers, self.settings, call.at)
        body = _object(call)
        check_body_tenant(body, self.settings)
        return self._take(call, body, None)

    def _take(self, call: ApiCall, body: Mapping[str, Any], agent: str | None) -> Answer:
        data = check_size(body.get("data"), len(call.raw), self.settings)
        good, answer = settle(judge(data, agent, self.settings), self.settings)
        self.store.commit(self.settings.tenant_id, good, call.at)
        return answer

    def _user_query(self, call: ApiCall) -> Answer:
        """Answer contract 5.4; the values of the ids, and code 530 for a stranger, are our assumption."""
        check_header_signed(call.headers, self.settings, call.at)
        username = _object(call).get("username")
        if username not in self.settings.agents:
            raise Refused(530)
        user_id = MAIN_USER_ID + 1 + self.settings.agents.index(username)
        names = {"username": username, "nickname": username, "guid": f"sandbox-{user_id}"}
        ids = {"mainUserId": MAIN_USER_ID, "tenantId": self.settings.tenant_id, "userId": user_id}
        return Answer(SUCCESS, data={**ids, **names})


def _json_object(raw: bytes) -> Mapping[str, Any] | None:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError):  # of msgspec's errors only those of 0.21 and newer are ValueErrors
        return None
    return value if isinstance(value, dict) else None


def _object(call: ApiCall) -> Mapping[str, Any]:
    """Return the body, or refuse one that is no JSON object; nothing is documented, so the answer is our assumption."""
    if call.body is None:
        raise Refused(OTHER, "body is not a JSON object")
    return call.body


def _fault_name(strike: Strike | None) -> str | None:
    if strike is None:
        return "over the rate limit"
    if strike.fault is None:
        return "latency" if strike.wait else None
    return strike.fault.kind


def _user(call: ApiCall) -> str:
    body = call.body or {}
    if user_name := body.get("userName") or body.get("username"):
        return str(user_name)[:SHOWN_USER_LENGTH]
    agents = dict.fromkeys(str(row.get("agentAccount", "")) for row in call.rows if isinstance(row, dict))
    shown = ", ".join(list(agents)[:SHOWN_USERS])[:SHOWN_USER_LENGTH]
    return f"{shown} and {len(agents) - SHOWN_USERS} more" if len(agents) > SHOWN_USERS else shown
