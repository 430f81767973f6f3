"""Sends to numbers from end to end: each gets a campaign's message once, whatever becomes of its calls. No Airflow.

:mod:`.recipients` reads who gets it from a table. :mod:`.ledger` opens the folder in which the claims of all campaigns
are, :mod:`.campaign` appends to one of them, whose :mod:`.events` make its :mod:`.state`. :mod:`.sending` claims
recipients, has them sent to, and counts. :mod:`.manifest` says so. :mod:`.progress` reads what became of the messages.
"""
