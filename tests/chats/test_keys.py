from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.chats import keys
from airflow_provider_socialscrm.chats.keys import Keys, key_of

KEYS = st.one_of(st.integers(0, 9), st.integers(0, 2**64 - 1))


@given(pages=st.lists(st.lists(KEYS, max_size=8), max_size=12))
def test_a_set_of_keys_is_a_set_also_when_it_is_merged(pages):
    given_keys, known, merging = Keys(), set(), keys.MOST_RECENT
    keys.MOST_RECENT = 4
    try:
        for page in pages:
            expected = []
            for key in page:
                expected.append(key not in known)
                known.add(key)
            assert given_keys.add(page) == expected
            assert len(given_keys) == len(known)
    finally:
        keys.MOST_RECENT = merging


def test_the_key_of_a_message_is_the_same_in_every_process():
    assert key_of({"msgId": "1", "whatsId": "2"}) == key_of({"whatsId": "2", "content": "x", "msgId": "1"})
