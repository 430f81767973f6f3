"""A signal handler that raises breaks off the waiting, and never the work."""

from __future__ import annotations

import signal
import threading

import pytest

from airflow_provider_socialscrm.importer.sending.shield import run_shielded


class TimedOutError(BaseException):
    """Is raised by a signal handler, as Airflow's time-out is."""


@pytest.fixture(autouse=True)
def _handler():
    def raise_it(*_):
        raise TimedOutError

    before = signal.signal(signal.SIGALRM, raise_it)
    yield
    signal.signal(signal.SIGALRM, before)


def never() -> None:
    raise AssertionError


def interrupt() -> None:
    """Have the handler run in the main thread, which waits."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)


def test_work_that_ends_is_not_stopped():
    done: list[int] = []
    run_shielded(lambda: done.append(1), never, 1.0)
    assert done == [1]


@pytest.mark.parametrize("failure", [ValueError("wrong"), KeyboardInterrupt(), SystemExit(3)])
def test_what_the_work_raises_is_raised(failure):
    def work():
        raise failure

    with pytest.raises(type(failure)) as caught:
        run_shielded(work, never, 1.0)
    assert caught.value is failure


def test_a_handler_that_raises_has_the_work_stopped_and_its_end_awaited():
    stopped, steps = threading.Event(), []

    def work():
        steps.append("begins")
        interrupt()
        assert stopped.wait(30)
        steps.append("ends")

    with pytest.raises(TimedOutError):
        run_shielded(work, stopped.set, 30.0)
    assert steps == ["begins", "ends"]


def test_work_that_does_not_end_is_not_waited_for_longer_than_allowed(caplog):
    may_end = threading.Event()

    def work():
        interrupt()
        may_end.wait(30)

    with pytest.raises(TimedOutError):
        run_shielded(work, lambda: None, 0.05)
    may_end.set()
    assert "did not end within" in caplog.text
