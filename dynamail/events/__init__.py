"""What happened: the append-only log, the counters made from it, and the facts kept per contact.

`record_event` writes in the caller's transaction. Those above are told by tailing the table with a cursor (`tailing.py`),
never by calls from below. Outcomes of messages are not repeated here: the `message` row is that fact.
"""
