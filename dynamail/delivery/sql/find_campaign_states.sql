-- Are these campaigns still to be sent? Run by delivery/gate.py with every look at the gate. Keys used: campaign's unique uid.
-- Parameters: source_ids uuid[].
SELECT uid, state FROM campaign WHERE uid = ANY(%(source_ids)s::uuid[])
