"""Work that no signal interrupts: it runs in a thread of its own, while the main thread waits for it."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

log = logging.getLogger(__name__)


def run_shielded(work: Callable[[], None], stop: Callable[[], None], patience: float) -> None:
    """Run some work, and raise what it raises.

    Python runs signal handlers in the main thread, between any two steps of what it does: a handler that raises, such
    as that of a task's time-out or of Ctrl-C, could break off between two steps that belong together. Here it breaks
    off the waiting only. Then the work is asked to stop, has some time to end properly, and the handler's error is
    raised.

    :param stop: makes the work end soon; called after an error in this thread.
    :param patience: seconds to wait for that end.
    """
    outcome: Future[None] = Future()
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(_run, work, outcome), name="socialscrm-import", daemon=True)
    try:
        thread.start()
        outcome.result()
    except BaseException:
        if thread.is_alive() and not outcome.done():
            stop()
            if not wait([outcome], patience).done:
                log.warning("The task did not end within %.0f s after it was asked to", patience)
        raise


def _run(work: Callable[[], None], outcome: Future[None]) -> None:
    try:
        work()
    except BaseException as failure:  # noqa: BLE001 - raised in the thread that waits
        outcome.set_exception(failure)
    else:
        outcome.set_result(None)
