"""Faults on request: their kinds, and which calls the ones in force strike. ``effects`` has what they do to a reply.

The docstring of a kind is its description on the page and in ``--help``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0, le=3600)]
Status = Annotated[int, Meta(ge=200, le=599)]


class FaultError(ValueError):
    """A fault's kind is unknown, or one of its options does not fit."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The options that every kind of fault has.

    :param times: calls to strike; default until the fault is removed
    :param rate: probability of striking a call, 0 to 1; default every call
    :param after: calls to let pass first; default none
    :param path: the end of the API paths to strike, such as ``batchImport``; default all
    """

    times: Annotated[int, Meta(ge=1)] | None = None
    rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    after: Annotated[int, Meta(ge=0)] = 0
    path: str = ""

    @property
    def kind(self) -> str:
        """The fault's name in rules and in the list of calls."""
        return str(self.__struct_config__.tag)


class Latency(Rule, frozen=True, tag="latency"):
    """The call waits, ``per_row`` more for each row, before the CRM reads it; it combines with one other fault."""

    seconds: Seconds = 1.0
    per_row: Seconds = 0.0


class ResetBefore(Rule, frozen=True, tag="reset_before"):
    """The connection is reset before anything is stored."""


class ResetAfter(Rule, frozen=True, tag="reset_after"):
    """The connection is reset after the customers were stored."""


class Truncated(Rule, frozen=True, tag="truncated"):
    """The customers were stored, but the connection closes after half of the response."""


class NotJson(Rule, frozen=True, tag="not_json"):
    """The customers were stored, but the response is not JSON."""


class Empty(Rule, frozen=True, tag="empty"):
    """The customers were stored, but the response's body is empty."""


class NoCode(Rule, frozen=True, tag="no_code"):
    """The customers were stored, but the response is a JSON object without ``code``."""


class Html(Rule, frozen=True, tag="html"):
    """A gateway returns its HTML page with a ``status``; ``commit=true``: after the customers were stored."""

    status: Status = 502
    commit: bool = False


class Http(Rule, frozen=True, tag="http"):
    """A gateway returns a ``status``; ``commit=true``: late, after the customers were stored (our assumption)."""

    status: Status = 503
    retry_after: int | str | None = None
    commit: bool = False


class Code(Rule, frozen=True, tag="code"):
    """The CRM returns a ``code``; ``commit=true``: late, after the customers were stored (our assumption)."""

    code: int = 517
    message: str | None = None
    commit: bool = False


class Outage(Rule, frozen=True, tag="outage"):
    """For some ``seconds`` all calls fail ``by`` a closed connection, 503 or 517; ``times`` counts outages."""

    seconds: Seconds = 60.0
    by: Literal["closed", "503", "517"] = "closed"
    times: Annotated[int, Meta(ge=1)] | None = 1


class Stray(Rule, frozen=True, tag="stray"):
    """Once a call got 200, a server in between returns a page with a ``status`` such as 404, 401, 302 or 200."""

    status: Status = 404


class Drip(Rule, frozen=True, tag="drip"):
    """The response arrives over some ``seconds``, a piece after each ``pause``; ``headers=true``: headers, too."""

    seconds: Seconds = 60.0
    pause: Annotated[float, Meta(ge=0.01, le=3600)] = 1.0
    headers: bool = False


class Bomb(Rule, frozen=True, tag="bomb"):
    """The customers were stored, but the response decompresses to many ``mebibytes``."""

    mebibytes: Annotated[int, Meta(ge=1, le=2**20)] = 1024
    encoding: Literal["gzip", "deflate"] = "gzip"


class NumberSpelling(Rule, frozen=True, tag="number_spelling"):
    """The numbers in a response that names rows (setting ``failures``) look different (our assumption)."""

    spelling: Literal["c.us", "plus", "integer", "spaces", "mixed"] = "mixed"


class CodeSpelling(Rule, frozen=True, tag="code_spelling"):
    """The response has its code as 200.0 (float), "200" (text) or 2e2 (exponent) (our assumption)."""

    spelling: Literal["float", "text", "exponent"] = "float"


class ByteOrderMark(Rule, frozen=True, tag="byte_order_mark"):
    """The response begins with a byte-order mark (our assumption)."""


class OrderNeverFinishes(Rule, frozen=True, tag="order_never_finishes"):
    """A screening order is taken, and never ends."""

    path: str = "screenWhatsApp"


class OrderResponseLost(Rule, frozen=True, tag="order_response_lost"):
    """A screening order is taken, and has to be paid, but the connection is reset before its id arrives."""

    path: str = "screenWhatsApp"


class LinksForgotten(Rule, frozen=True, tag="links_forgotten"):
    """The CRM has forgotten the group links that a call asks about, and returns 537 until they are imported again."""

    path: str = "getInfo"


class Gbk(Rule, frozen=True, tag="gbk"):
    """The response has a Chinese message in GBK, although its header says UTF-8 (our assumption)."""


class MessageArrives(Rule, frozen=True, tag="message_arrives"):
    """After a page of messages was returned, a ``count`` of messages arrive ``at`` a place in its interval."""

    count: Annotated[int, Meta(ge=1, le=10_000)] = 1
    at: Literal["newest", "oldest", "anywhere"] = "anywhere"


Fault = (
    Latency
    | ResetBefore
    | ResetAfter
    | Truncated
    | NotJson
    | Empty
    | NoCode
    | Html
    | Http
    | Code
    | Outage
    | Stray
    | Drip
    | Bomb
    | NumberSpelling
    | CodeSpelling
    | ByteOrderMark
    | Gbk
    | LinksForgotten
    | MessageArrives
    | OrderNeverFinishes
    | OrderResponseLost
)
KINDS: dict[str, type[Rule]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Fault)}

COMMON_OPTIONS = "times (calls to strike), rate (0 to 1), after (calls to let pass first), path (the end of the paths)"
"""The options of every kind, with their units, for a person who reads a list of kinds."""


def descriptions() -> dict[str, str]:
    """Return what each kind does, in one sentence, and its own options with their defaults."""
    return {kind: _description(rule) for kind, rule in KINDS.items()}


def _description(kind: type[Rule]) -> str:
    sentence = (kind.__doc__ or "").replace("``", "")
    common = msgspec.structs.asdict(Rule())
    own = [field for field in msgspec.structs.fields(kind) if field.name not in common]
    return f"{sentence} Options: {', '.join(map(_option, own))}." if own else sentence


def _option(field: msgspec.structs.FieldInfo) -> str:
    default = msgspec.json.encode(field.default).decode().strip('"')
    choices = get_args(field.type) if get_origin(field.type) is Literal else ()
    others = [choice for choice in choices if choice != field.default]
    return f"{field.name}={default}" + (f" (or {', '.join(others)})" if others else "")


def parse_fault_text(text: str, label: str = "fault") -> Fault:
    """Read one rule as people type it, such as ``kind=latency,seconds=0.2,rate=0.1``.

    :param label: what an error calls the text
    :raises FaultError: when it is not name=value between commas, the kind does not exist or an option does not fit it
    """
    parts = [part.partition("=") for part in text.split(",")]
    if not all(equals for _name, equals, _value in parts):
        raise FaultError(f"{label} {text!r}: give name=value between commas, such as kind=latency,seconds=0.2")
    return parse_fault({name.strip(): value.strip() for name, _equals, value in parts}, strict=False)


def parse_fault(rule: Mapping[str, Any], *, strict: bool = True) -> Fault:
    """Read one rule, such as ``{"kind": "latency", "seconds": 0.2, "rate": 0.1}``.

    :param strict: when False, read texts as numbers where a number belongs, as a command line needs it
    :raises FaultError: when the kind does not exist, or an option does not fit it
    """
    kind = KINDS.get(str(rule.get("kind")))
    if kind is None:
        raise FaultError(f"unknown kind of fault {rule.get('kind')!r}; the kinds are {', '.join(KINDS)}")
    try:
        fault: Fault = msgspec.convert(dict(rule), type=Fault, strict=strict)
    except msgspec.ValidationError as error:
        options = ", ".join(kind.__struct_fields__)
        raise FaultError(f"fault {rule['kind']}: {error}; its options are {options}") from None
    return fault


@dataclass(frozen=True, slots=True)
class Injection:
    """The faults that strike one call.

    :param wait: seconds the call waits first
    :param fault: what happens to the call then, None when nothing does
    """

    wait: float = 0.0
    fault: Fault | None = None

    @property
    def name(self) -> str | None:
        """The kind of the fault, None without one; a latency is named only when nothing else happens."""
        if self.fault is None:
            return "latency" if self.wait else None
        return self.fault.kind

    @property
    def reaches_crm(self) -> bool:
        """Whether the call is carried out, and its customers stored."""
        match self.fault:
            case Html(commit=commit) | Http(commit=commit) | Code(commit=commit):
                return commit
            case ResetBefore() | Outage() | Stray():
                return False
            case _:
                return True


@dataclass(frozen=True, slots=True)
class Arrival:
    """The facts of a call that decide whether a fault strikes it.

    :param path: the API path
    :param now: seconds of a clock that never goes back
    :param has_success: whether some call before got code 200
    :param rows: that it carries
    """

    path: str
    now: float = 0.0
    has_success: bool = False
    rows: int = 0


@dataclass
class ActiveFault:
    """One fault in force.

    :param fault: its rule
    :param seen: calls on its paths so far, without those that an earlier fault struck
    :param struck: calls it struck
    :param begun: how often it struck, where one that lasts counts once
    :param until: when one that lasts ends, by the clock of the arrivals
    """

    fault: Fault
    seen: int = 0
    struck: int = 0
    begun: int = 0
    until: float = float("-inf")

    def strikes(self, call: Arrival, chance: float) -> bool:
        """Count a call and return whether the fault strikes it.

        :param chance: a random number, at least 0 and below 1
        """
        if not call.path.endswith(self.fault.path):
            return False
        if call.now < self.until:
            self.struck += 1
            return True
        self.seen += 1
        has_some_left = self.fault.times is None or self.begun < self.fault.times
        may_strike = call.has_success or not isinstance(self.fault, Stray)
        is_due = self.seen > self.fault.after and has_some_left and may_strike and chance < self.fault.rate
        if is_due:
            self.struck += 1
            self.begun += 1
            self.until = call.now + (self.fault.seconds if isinstance(self.fault, Outage) else 0.0)
        return is_due


class ActiveFaults:
    """The faults in force, in the order they were added.

    :param random: returns a number, at least 0 and below 1; seed it for runs that repeat
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._active: tuple[ActiveFault, ...] = ()

    def add(self, fault: Fault) -> None:
        """Put one fault in force."""
        self._active = (*self._active, ActiveFault(fault))

    def clear(self) -> None:
        """Remove all faults."""
        self._active = ()

    def injection(self, call: Arrival) -> Injection:
        """Count a call and return what strikes it: all due latencies, and the first other fault that is due."""
        wait, fault = 0.0, None
        for active in self._active:
            if isinstance(active.fault, Latency):
                seconds = active.fault.seconds + call.rows * active.fault.per_row
                wait += seconds if active.strikes(call, self._random()) else 0.0
            elif fault is None and active.strikes(call, self._random()):
                fault = active.fault
        return Injection(wait, fault)

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults in force as JSON values, each with the number of calls it ``struck``."""
        return [{**msgspec.to_builtins(active.fault), "struck": active.struck} for active in self._active]
