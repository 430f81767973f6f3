"""Find what changed since earlier imports, and save what the CRM accepted.

:mod:`.options` has the user's ``Ledger``. :mod:`.hashing` makes payloads and bytes of fields, :mod:`.keys` the keys of
customers. :mod:`.store` reads and commits a ledger's folder (:mod:`.storage`), whose generations (:mod:`.generation`)
name files of entries (:mod:`.entries`); :mod:`.compaction` puts logs into the base with :mod:`.merge`.
:mod:`.compare` compares the rows of an input (:mod:`.input_rows`, in a :mod:`.spool`) with all that, a column of a
:mod:`.table` at a time, and returns the :mod:`.difference`, with a class for each row (:mod:`.verdicts`);
:mod:`.guards` stops an import; :mod:`.recording` writes what the CRM answers.

What an import calls, and when:

1. Before the input is read: ``LedgerStore(open_storage(path), target, keyring).open()`` and ``snapshot()``.
2. Where a batch's rows are encoded (``fields/prepare.py``): ``payloads(payload_texts(members, ledger.left_out),
   agents)``, and ``field_bytes`` of each field outside ``ledger.left_out``; both are held with the batch. Where the
   plan has no field of ``left_out``, the rows' JSON is the payload's: ``payloads(bodies, agents)``.
3. When the input was read to its end and it is known which of equal numbers is sent: ``InputRows.add`` for the rows
   that can be sent, ``InputRows.add_unsendable`` for the numbers of all others; then ``compare`` with the moment
   ``ledger.expected_moment or now``, and ``check_guards``. A dry run ends here.
4. ``Difference.verdicts()`` is asked with the keys of each batch, in the same order, where the rows are read again for
   sending. Places in the order of sending are given before rows are left out.
5. ``LedgerWriter.open()`` before the first call.
6. ``Recorder.mark_intended``: ``LedgerWriter.claim(rows)`` first, which waits until it is written. ``mark_resolved``:
   ``release(rows)``.
7. ``Recorder.record``: ``LedgerWriter.record(outcome, rows, code)`` for accepted and rejected rows; an unknown one
   stays claimed.
8. ``CheckpointWriter``, before it saves a state: ``LedgerWriter.flush()``, so that no row is done that the ledger does
   not have. In a run without checkpoint ``flush_if_due()`` in the engine's loop.
9. In ``finally`` around the sending, also after SIGTERM: ``note_presence(difference)`` if the run saw the whole input
   and completed, then ``commit()``; ``commit(compacting=False)`` where time is short.
"""
