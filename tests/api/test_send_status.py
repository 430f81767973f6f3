"""The state of a send, read from responses in the forms that are likely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.errors import ResponseFormError
from airflow_provider_socialscrm.api.send_status import (
    MessageStatus,
    TaskStatus,
    has_reached,
    name_of,
    send_status,
    status_of,
)

ANN = "8613800000001"


def test_the_id_is_in_the_query_and_by_post_in_the_body_too():
    asked = send_status("17")
    assert (asked.method, asked.path, asked.body) == (
        "GET",
        "/group-dispatch-api/gsTask/queryExecuteStatus?taskId=17",
        None,
    )
    assert (asked.repeatable, asked.family) == (True, Family.SEND_STATUS)
    assert asked.paced_as == "/group-dispatch-api/gsTask/queryExecuteStatus"
    posted = send_status("17", method="POST")
    assert (posted.method, posted.path, posted.body) == ("POST", asked.path, {"taskId": "17"})


@pytest.mark.parametrize("task_id", ["", "a b", "1&taskId=2", "1/2", None, 17])
def test_an_id_that_cannot_be_one_makes_no_call(task_id):
    with pytest.raises(ValueError, match="The id of a task"):
        send_status(task_id)


def test_a_response_as_a_public_client_reads_it():
    status = status_of(
        "17",
        {
            "status": 3,
            "info": [
                {"sendWhatsApp": "8613900000001", "friendWhatsApp": ANN, "status": 4, "x": 1},
                {"friendWhatsApp": "8613800000002", "status": -1},
            ],
        },
    )

    assert (status.task_id, status.status, status.has_ended) == ("17", TaskStatus.PROCESSING, False)
    first, second = status.recipients
    assert (first.number, first.status, first.sender) == (ANN, MessageStatus.DELIVERED, "8613900000001")
    assert first.raw["x"] == 1
    assert (second.status, second.sender) == (MessageStatus.FAILED, "")
    assert ANN not in repr(status)
    assert ANN not in repr(first)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_a_task_has_ended_once_it_is_stopped_or_completed(number):
    assert status_of("17", {"status": number}).has_ended == (number in {4, 5})


@pytest.mark.parametrize("value", [5, "5", 5.0, " 5 ", "5.0"])
def test_a_number_is_read_in_each_spelling(value):
    status = status_of("17", {"status": value, "info": [{"friendWhatsApp": ANN, "status": value}]})

    assert status.status is TaskStatus.COMPLETED
    assert status.recipients[0].status is MessageStatus.READ


@pytest.mark.parametrize("value", [0, 7, 99, -5])
def test_an_unknown_number_stays_a_number(value):
    status = status_of("17", {"status": value, "info": [{"friendWhatsApp": ANN, "status": 90 + value}]})

    assert (status.status, type(status.status), status.has_ended) == (value, int, False)
    (recipient,) = status.recipients
    assert (recipient.status, type(recipient.status), name_of(recipient.status)) == (90 + value, int, "")
    assert not has_reached(recipient.status, MessageStatus.SENT)


@pytest.mark.parametrize(
    ("item", "number"),
    [
        ({"friendWhatsApp": f"{ANN}@c.us"}, ANN),
        ({"friendWhatsId": int(ANN)}, ANN),
        ({"whatsApp": f"+{ANN}"}, ANN),
        ({"number": ANN}, ANN),
        ({"friendWhatsApp": "8613800000001-16@g.us"}, "8613800000001-16@g.us"),
        ({"friendWhatsApp": None, "whatsApp": ANN}, ANN),
        ({"phone": ANN}, ""),
    ],
)
def test_a_number_is_found_under_each_likely_name(item, number):
    (recipient,) = status_of("17", {"status": 1, "info": [item]}).recipients

    assert (recipient.number, recipient.status) == (number, MessageStatus.TO_DISPATCH)


@pytest.mark.parametrize("info", [None, "", []])
def test_a_task_may_have_no_messages_yet(info):
    assert status_of("17", {"status": 1, "info": info}).recipients == ()


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        [],
        5,
        {},
        {"info": []},
        {"status": None},
        {"status": "sent"},
        {"status": 5.5},
        {"status": 1, "info": "x"},
        {"status": 1, "info": {}},
        {"status": 1, "info": [ANN]},
        {"status": 1, "info": [{"status": "sent"}]},
    ],
)
def test_another_form_is_an_error_without_its_values(data):
    with pytest.raises(ResponseFormError) as raised:
        status_of("17", data)
    assert ANN not in str(raised.value)


WANTED = [MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ]


@pytest.mark.parametrize(
    ("status", "reached"),
    [
        (MessageStatus.FAILED, []),
        (MessageStatus.TO_DISPATCH, []),
        (MessageStatus.TO_SEND, []),
        (MessageStatus.SENDING, []),
        (MessageStatus.SENT, WANTED[:1]),
        (MessageStatus.DELIVERED, WANTED[:2]),
        (MessageStatus.READ, WANTED),
        (MessageStatus.READ_AND_REPLIED, WANTED),
        (MessageStatus.READ_WITHOUT_REPLY, WANTED),
    ],
)
def test_how_far_a_message_has_got(status, reached):
    assert [each for each in WANTED if has_reached(status, each)] == reached
    assert name_of(status) == status.name.lower()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.sampled_from(["status", "info", "friendWhatsApp", "x"]), each),
    max_leaves=10,
)


@given(JSON)
def test_any_response_is_read_or_refused(data):
    try:
        status = status_of("17", data)
    except ResponseFormError:
        return
    assert isinstance(status.status, int)
    assert all(isinstance(each.status, int) and isinstance(each.number, str) for each in status.recipients)
