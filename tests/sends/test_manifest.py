"""The manifest of a send."""

from __future__ import annotations

import json

import pytest

from airflow_provider_socialscrm.sends.events import Claimed
from airflow_provider_socialscrm.sends.manifest import doubt_sentence, manifest_of
from airflow_provider_socialscrm.sends.sending import Outcome, Result
from airflow_provider_socialscrm.sends.state import Call
from tests.support.sends import recipients_of


def test_a_manifest_of_a_million_recipients_is_small_enough_for_xcom():
    doubts = [Call(Claimed("0" * 16, f"{n:08x}", "dag/task run " * 8, "owner", 1_790_000_000, (1,))) for n in range(50)]
    result = Result(task_ids=[str(1_790_000_000_000_000_000 + n) for n in range(200)], doubts=doubts)
    result.counts[Outcome.IN_DOUBT] = 50

    manifest = manifest_of("campaign", recipients_of([8615266600000]), result)

    assert len(json.dumps(manifest)) < 16 * 1024
    assert len(manifest["doubts"]) == 20
    assert "8615266600000" not in f"{manifest}{result!r}{doubt_sentence(result)}"


@pytest.mark.parametrize(("count", "words"), [(1, "1 recipient may have"), (2, "2 recipients may have")])
def test_the_sentence_about_doubts_agrees_with_its_number(count, words):
    numbers = tuple(range(8615266600000, 8615266600000 + count))
    result = Result(doubts=[Call(Claimed("0" * 16, "1a2b3c4d", "offer", "owner", 1_790_000_000, numbers))])
    result.counts[Outcome.IN_DOUBT] = count

    sentence = doubt_sentence(result)

    assert sentence.startswith(words)
    assert f"calls 1a2b3c4d (task 'offer' in the CRM, {words.removesuffix(' may have')})" in sentence
