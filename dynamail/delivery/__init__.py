"""The asyncio worker that takes mail out: claiming, windows, SMTP, outcomes.

No ORM, no template engine, no transaction open while talking to the network. `docs/adr/` says why chunks and windows.

    worker.py        the process: starting, keepers, stopping     tools.py        what every lane works with
    chunk_lane.py    campaigns, 500 recipients at a time          windows.py      which of them are declared and recorded
    outbox_lane.py   single messages and second attempts          recording.py    outcomes as rows, and what follows from a bounce
    gate.py          may we still send? asked before each one     outcomes.py     from the SMTP dialog to the log's words
    ways.py          one way out for each account                 connections.py  its queue and its connections
    transports.py    where it leads                               pacing.py       how fast, and the pause after failures
    journal.py       what is on the wire, noted for a kill -9     recovering.py   what dead workers left behind
    sources.py       campaigns compiled, contacts loaded          completing.py   a campaign is finished
    database.py      statements that outlive an absent server     sql/            every statement, with its header
"""
