from __future__ import annotations

from itertools import product

import pytest

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.mass_sends.names import default_name


def test_a_name_says_whose_it_is():
    assert default_name(ImportIdentity("send", "crm", "manual__1")) == "crm/send manual__1"
    assert default_name(ImportIdentity("send", "crm", "manual__1", 3), 2) == "crm/send[3]#2 manual__1"


def test_no_two_tasks_share_a_name_however_short():
    parts = product(("a", "a.b"), ("b.c", "c"), ("r", "r" * 200, "r" * 199 + "s"), (None, 0, 1), (None, 1, 2))
    names = [default_name(ImportIdentity(t, d, r, m, 1), place, 30) for d, t, r, m, place in parts]

    assert len(set(names)) == len(names)
    assert max(map(len, names)) == 30


def test_clearing_the_task_does_not_change_it():
    first, cleared = (ImportIdentity("send", "crm", "run", None, tries) for tries in (1, 5))

    assert default_name(first) == default_name(cleared)


@pytest.mark.parametrize("longest", [0, 19, "50", None, True])
def test_a_limit_must_leave_room(longest):
    with pytest.raises(InputError, match="name_limit"):
        default_name(ImportIdentity("send", "crm", "run"), None, longest)
