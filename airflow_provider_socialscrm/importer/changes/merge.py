"""Apply what became known to entries: for a number the later answer wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from airflow_provider_socialscrm.importer.changes.entries import LAST_ANSWER, Outcome

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Flags, Places, Records


def apply(entries: Records, events: Records) -> Records:
    """Return entries with events applied, one for each key, sorted by key.

    :param entries: sorted by key, each key once.
    :param events: entries of logs, in any order of keys. Events of one second are applied in their order.
    """
    if not len(events):
        return entries
    events = events.take(np.lexsort((events["seen"], events["key"])))
    starts = np.flatnonzero(np.append(True, events["key"][1:] != events["key"][:-1]))
    keys = events["key"][starts]
    at, known = find(entries["key"], keys)
    states = np.zeros(len(keys), entries.dtype)
    states[known] = entries.take(at[known])
    states["key"], states["agent"] = keys, np.where(known, states["agent"], events["agent"][starts])
    counts = np.diff(np.append(starts, len(events)))
    for turn in range(int(counts.max())):
        chosen = np.flatnonzero(counts > turn)
        states[chosen] = _after(states.take(chosen), events.take(starts[chosen] + turn))
    nothing = (states["outcome"] == 0) | ((states["outcome"] == Outcome.CLAIMED) & (states["once"] == 0))
    left = np.ones(len(entries), bool)
    left[at[known]] = False
    merged = np.concatenate([entries.take(np.flatnonzero(left)), states.take(np.flatnonzero(~nothing))])
    return merged.take(np.argsort(merged["key"]))


def find(
    ordered: np.ndarray[tuple[int], np.dtype[np.int64]], keys: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[Places, Flags]:
    """Return for each key a place in an ordered list, and whether the list has it there."""
    at = np.searchsorted(ordered, keys)
    if not len(ordered):
        return at, np.zeros(len(keys), bool)
    at[at == len(ordered)] = 0
    return at, ordered[at] == keys


def _after(states: Records, events: Records) -> Records:
    """Return states after one event each."""
    kind, is_later = events["outcome"], events["seen"] >= states["seen"]
    is_answer = kind <= LAST_ANSWER
    answered = is_answer & (is_later | (states["outcome"] == Outcome.CLAIMED) | (states["outcome"] == 0))
    accepted = kind == Outcome.ACCEPTED
    same = states["outcome"] == kind
    adds, removes = accepted | (kind == Outcome.CLAIMED), (is_answer & ~accepted) | (kind == Outcome.RELEASED)
    after = states.copy()
    after["once"] = np.where(adds, states["once"] | events["once"], states["once"])
    after["taken"] |= np.where(accepted, events["once"], 0).astype(np.uint8)
    # What was accepted stays, also where clocks differ and a claim of another run seems to be released later.
    after["once"] = np.where(removes, after["once"] & ~events["once"], after["once"]) | after["taken"]
    after["was_accepted"] |= accepted
    for name in ("payload", "agent", "code", "outcome", "seen"):
        after[name] = np.where(answered, events[name], after[name])
    after["fields"] = np.where(answered[:, None], events["fields"], after["fields"])
    after["first"] = np.where(answered & ~same, events["first"], after["first"])
    is_new_claim = (kind == Outcome.CLAIMED) & (states["outcome"] == 0)
    after["outcome"] = np.where(is_new_claim, Outcome.CLAIMED, after["outcome"])
    after["gone"] = np.where(answered | (kind == Outcome.BACK), 0, after["gone"])
    leaves = (kind == Outcome.GONE) & is_later & (states["outcome"] != 0) & (states["gone"] == 0)
    after["gone"] = np.where(leaves, events["seen"], after["gone"])
    return after
