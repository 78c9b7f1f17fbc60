"""May we write to this address?

A *topic* is a subject one may opt in to or out of. A *subscription* is where a contact stands on a topic now; the
append-only *consent record* is the proof of how it came to that. A *suppression* is an address that we must not mail,
kept as a keyed hash so that it survives the erasure of the person.

    recording.py  give, withdraw, import consent        suppressing.py  suppress and unsuppress
    gate.py       the one answer to "may we send?"      topics.py       creating and changing topics
    suppression_list.py   find, count, lift, give an end    mass_suppressing.py  thousands at once    expiring.py  what ended
    confirming.py    asked by mail, subscribed by the person's answer      leaving.py  from everything, and back
"""
