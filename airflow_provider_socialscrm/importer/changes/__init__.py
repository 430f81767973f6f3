"""Find what changed since earlier imports, and save what the CRM accepted.

:mod:`.options` has the user's ``Ledger``. :mod:`.hashing` makes payloads and bytes of fields, :mod:`.keys` the keys of
customers. :mod:`.store` reads and commits a ledger's folder (:mod:`.storage`), whose generations (:mod:`.generation`)
name files of entries (:mod:`.entries`, :mod:`.entry_files`); :mod:`.compaction` puts logs into the base with
:mod:`.merge`, and :mod:`.deletion` deletes what no run reads any more.
:mod:`.compare` compares the rows of an input (:mod:`.input_rows`, in a :mod:`.spool`) with all that, a column of a
:mod:`.table` at a time, and returns the :mod:`.difference`, with a class for each row (:mod:`.verdicts`);
:mod:`.guards` stops an import; :mod:`.recording` writes what the CRM answers, and :mod:`.claims` what is about to be
sent once. :mod:`.inspection` shows and verifies a ledger, and :mod:`.forgetting` leaves customers out of it, for people
at a shell.

:mod:`.ledger_import` is what an import calls. It compares with :mod:`.columns` of each batch, has :mod:`.answers` take
what becomes of the rows, and writes who is :mod:`.gone`. :mod:`.located` names the ledger in errors.
"""
