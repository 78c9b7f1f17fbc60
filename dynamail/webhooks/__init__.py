"""Telling other systems what happened, by Standard Webhooks 1.0.

1. kinds.py, payloads.py    what there is to tell, and how an event reads outside; an endpoint gets only the fields that were chosen for it
2. endpoints.py, keys.py    a member names an address, chooses events and fields, and authorizes the transfer; keys are sealed, and rotated
   authorizing.py           each authorization is kept, with its end
3. spreading.py             the log is tailed; each event becomes one delivery for each endpoint that wants it
4. sending.py, posting.py, outcomes.py   deliveries that are due are claimed, posted by the guarded way out, and settled; schedule.py says when again
5. following.py, posters.py both go on for as long as the worker runs, many at once; leases.py frees what a dead one had claimed
6. replaying.py, listing.py what a person asks of them; retention.py what goes, and when
7. disclosures.py           to whom one person's data was handed over, also by relays; persons.py who that is, files.py what left as files
"""
