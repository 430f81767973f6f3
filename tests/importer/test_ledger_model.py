"""Random nights with a ledger, compared with a model of it: a dictionary of what the CRM answered for each number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.importer.options import ALL, Rules
from tests.support.imports import OFFLINE, number_of
from tests.support.ledger_imports import RememberingCrm, Syncs, counts

PLACES = range(6)
BAD, ABSENT = "bad", "absent"
"""Names with which the CRM refuses a row for its number, or for its agent, until it has that."""


@dataclass
class Entry:
    """What the model has of a number."""

    row: tuple[str, str]
    outcome: str
    welcomed: bool = False


@dataclass
class Model:
    """A ledger of one answer for each number."""

    entries: dict[int, Entry] = field(default_factory=dict)

    def bucket(self, place: int, name: str, welcome: str, resend: str, retry: str) -> str:
        """Return where a row of this night ends, and remember it."""
        entry = self.entries.get(place)
        welcomed = entry is not None and entry.welcomed
        due = "" if welcomed or resend == "all" else welcome
        if resend == "adopt":
            self.entries[place] = Entry((name, ""), "accepted", welcomed or bool(welcome))
            return "unchanged"
        if entry and entry.outcome == "accepted" and entry.row[0] == name and not due and resend != "all":
            return "unchanged"
        is_same = entry is not None and entry.row == (name, "" if welcomed else welcome)
        if is_same and entry.outcome == "rejected" and retry == "changed" and resend != "all":
            return "known_bad"
        outcome = {BAD: "rejected", ABSENT: "blocked"}.get(name, "accepted")
        self.entries[place] = Entry(
            (name, due if outcome == "rejected" else ""), outcome, welcomed or (outcome == "accepted" and bool(due))
        )
        return "accepted" if outcome == "accepted" else "rejected"


ROWS = st.dictionaries(
    st.sampled_from(PLACES), st.tuples(st.sampled_from(["a", "b", BAD, ABSENT]), st.sampled_from(["", "Hello"])),
    min_size=1,
)  # fmt: skip
NIGHTS = st.lists(
    st.tuples(ROWS, st.sampled_from(["changed", "changed", "all", "adopt"]), st.sampled_from(["changed", "always"])),
    min_size=1, max_size=5,
)  # fmt: skip


def refusal_of(row: dict[str, str]) -> int:
    return {BAD: 532, ABSENT: 531}.get(row["friendName"], 0)


@pytest.mark.parametrize("scheme", AuthScheme)
@settings(max_examples=settings().max_examples // 4)
@given(nights=NIGHTS)
def test_the_buckets_of_each_night_are_those_of_a_dictionary(scheme, nights):
    with TemporaryDirectory() as folder:
        crm = RememberingCrm(refusal_of, settings=replace(OFFLINE, auth_scheme=scheme))
        syncs, model, welcomes = Syncs(Path(folder), crm, rules=Rules(extension_fields=ALL)), Model(), Counter()
        for rows, resend, retry in nights:
            table: list[dict[str, Any]] = [
                {"whatsApp": number_of(place), "friendName": name, "welcome": welcome, "agentAccount": f"agent{place}"}
                for place, (name, welcome) in rows.items()
            ]
            expected = Counter(model.bucket(place, *row, resend, retry) for place, row in rows.items())

            manifest = syncs.sync(table, ledger={"resend": resend, "retry_rejected": retry})

            assert counts(manifest) == dict(expected)
            welcomes += crm.welcomes
            assert max(welcomes.values(), default=0) <= 1
            for place, entry in model.entries.items():
                stored = crm.customers.get(number_of(place))
                if resend != "adopt" and place in rows and entry.outcome == "accepted" and stored:
                    assert stored["friendName"] in {entry.row[0], rows[place][0]}
