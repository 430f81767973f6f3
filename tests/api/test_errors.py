from __future__ import annotations

import copy
import pickle
import re

import pytest

from airflow_provider_socialscrm.api import errors
from airflow_provider_socialscrm.api.codes import TABLES, Family, Recovery, look_up
from airflow_provider_socialscrm.api.errors import ClockError, SocialSCRMError, error_type, refusal

TREE = re.findall(r"^    ([│ ├└─]*)(\w+Error)\b *(.*)$", errors.__doc__ or "", re.MULTILINE)
CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, SocialSCRMError)]


def parents_in_the_docstring() -> dict[str, str]:
    parents, path = {}, []
    for indent, name, _ in TREE:
        depth = len(indent) // 4
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    return parents


def numbers_in(text: str) -> set[int]:
    without_http = re.sub(r"HTTP [\dx -]+", "", text)
    spans = re.findall(r"\b(5\d\d)(?:-(5\d\d))?\b", without_http)
    return {number for first, last in spans for number in range(int(first), int(last or first) + 1)}


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    assert parents_in_the_docstring() == {kind.__name__: kind.__base__.__name__ for kind in CLASSES}


def test_the_codes_in_the_docstring_are_those_of_the_table():
    documented = {name: numbers for _, name, text in TREE if (numbers := numbers_in(text))}
    actual: dict[str, set[int]] = {}
    for code in (code for table in TABLES.values() for code in table if code.number > 0):
        actual.setdefault(error_type(code).__name__, set()).add(code.number)
    assert documented == actual


@pytest.mark.parametrize(
    ("name", "recovery"),
    [
        ("SocialSCRMError", Recovery.STOP),
        ("StopError", Recovery.STOP),
        ("SettingError", Recovery.STOP),
        ("RequestError", Recovery.STOP),
        ("RetriableError", Recovery.WAIT),
        ("ServiceError", Recovery.WAIT),
        ("UncertainError", Recovery.UNCERTAIN),
        ("NotReadyError", Recovery.POLL),
        ("TooLargeError", Recovery.HALVE_BYTES),
        ("DataError", Recovery.ISOLATE_UNKNOWN),
        ("RowError", Recovery.ISOLATE_UNKNOWN),
        ("UnknownCodeError", Recovery.ISOLATE_UNKNOWN),
    ],
)
def test_a_failure_without_a_code_asks_for_what_its_kind_does(name, recovery):
    failure = getattr(errors, name)("What happened.")
    assert (failure.recovery, failure.code, str(failure)) == (recovery, None, "What happened.")


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("number", [*range(501, 539), -1, 999])
def test_a_refusal_says_code_meaning_and_hint_and_asks_for_what_the_code_does(number, family):
    code = look_up(number, "some text", family=family)
    failure = refusal(code)
    assert type(failure) is error_type(code)
    assert (failure.code, failure.recovery, failure.http_status) == (code, code.recovery, 200)
    assert str(failure).startswith(f"SocialsCRM answered {number} ({code.text}): {code.meaning} {code.hint}")


def test_a_refusal_without_a_text_has_no_empty_brackets():
    assert str(refusal(look_up(999, family=Family.IMPORT))).startswith("SocialsCRM answered 999: This code")


@pytest.mark.parametrize(
    ("offset", "end"),
    [
        (3600.4, " Its clock is +3,600 s from ours."),
        (-75.0, " Its clock is -75 s from ours."),
        (0.0, " The worker's clock agrees with the CRM's."),
        (None, "Time zone."),
    ],
)
def test_a_refused_time_says_how_far_the_clocks_are_apart(offset, end):
    failure = refusal(look_up(502, family=Family.IMPORT), clock_offset=offset)
    assert type(failure) is ClockError
    assert str(failure).endswith(end)
    assert failure.clock_offset == offset


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_of_a_failure_keeps_all_it_knows(kind, duplicate):
    failure = kind(
        "A sentence.", code=look_up(531, family=Family.IMPORT), http_status=200, retry_after=2.5, clock_offset=-3.0
    )
    twin = duplicate(failure)
    assert type(twin) is kind
    assert (str(twin), twin.args, vars(twin)) == (str(failure), failure.args, vars(failure))
    assert twin.recovery is Recovery.PROBE_AGENT
