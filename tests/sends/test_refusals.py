"""What a failed send means for its recipients, as a table."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import (
    ClockError,
    DataError,
    RequestError,
    RowError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    TooLargeError,
    UncertainError,
    refusal,
    unknown_form,
)
from airflow_provider_socialscrm.sends.refusals import Verdict, verdict

DOUBTFUL, STOP, GO_ON = Verdict


def code(number: int) -> SocialSCRMError:
    return refusal(look_up(number, family=Family.SEND))


@pytest.mark.parametrize(
    ("failure", "expected", "atomic", "alone"),
    [
        (UncertainError("lost"), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        (unknown_form("soCreate"), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        (code(517), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        (code(-1), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        (code(599), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        # A page may come from a server in between.
        (RequestError("not found", http_status=404), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        (SettingError("forbidden", http_status=403), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        (TooLargeError("too large", http_status=413), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        (DataError("bad"), DOUBTFUL, DOUBTFUL, DOUBTFUL),
        # Nothing was sent, or the CRM has read nothing of it.
        (ServiceError("no connection"), STOP, STOP, STOP),
        (SettingError("no such host"), STOP, STOP, STOP),
        (ClockError("late", code=look_up(502, family=Family.SEND)), STOP, STOP, STOP),
        (code(502), STOP, STOP, STOP),
        (code(516), STOP, STOP, STOP),
        (code(530), STOP, STOP, STOP),
        # The whole task is wrong.
        *((code(number), STOP, STOP, STOP) for number in (507, 513, 514, 515, 531)),
        # A recipient is wrong, and the others may have been taken.
        (code(532), DOUBTFUL, GO_ON, GO_ON),
        (code(534), DOUBTFUL, GO_ON, GO_ON),
        (RowError("bad", code=look_up(533, family=Family.IMPORT)), DOUBTFUL, GO_ON, GO_ON),
        # A code of another family.
        (code(528), DOUBTFUL, STOP, STOP),
    ],
)
def test_only_what_was_certainly_not_taken_is_released(failure, expected, atomic, alone):
    assert verdict(failure, 2, is_atomic=False) is expected
    assert verdict(failure, 2, is_atomic=True) is atomic
    assert verdict(failure, 1, is_atomic=False) is alone
