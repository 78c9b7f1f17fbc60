"""The asyncio worker that takes mail out: claiming, windows, SMTP, outcomes.

No ORM, no template engine, no transaction open while talking to the network. `docs/adr/` says why chunks and windows.

    worker.py        the process: starting, keepers, stopping     tools.py        what every lane works with
    chunk_lane.py    campaigns, 500 recipients at a time          windows.py      which of them are declared and recorded
    outbox_lane.py   single messages and second attempts          recording.py    outcomes as rows, and what follows from a bounce
    gate.py          may we still send? asked before each one     guarding.py     campaigns that harm their sender pause
    sources.py       campaigns compiled, contacts loaded          identities.py   in whose name mail is signed
    ways.py          an outlet for each account                   transports.py   its transports, pools and rules as they are stored
    outlets.py       which way a message takes                    routing.py      streams and domains
    direct.py        one way out for each site                    destinations.py what a domain's DNS says, looked up once
    connections.py   one way out: when connections open           feeds.py        what they ask and tell
    carriers.py      how they open: relay, hosts, API             queues.py       what waits for them
    pacing.py        the pause after failures                     places.py       how many connections altogether
    throttling.py    how fast, by limits that all workers share   throttles/      its parts
    provider_api.py  a provider's API as a connection             provider_messages.py  what it is given
    outcomes.py      from the SMTP dialog to the log's words      health.py, describing.py  what the pages show
    journal.py       what is on the wire, noted for a kill -9     recovering.py   what dead workers left behind
    completing.py    a campaign is finished                       database.py     statements that outlive an absent server
    records.py       what the parts hand to each other            sql/            every statement, with its header
"""
