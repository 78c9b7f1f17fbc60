"""The asyncio worker that takes mail out: claiming, windows, SMTP, outcomes.

No ORM, no template engine, no transaction open while talking to the network. `docs/adr/` says why chunks and windows.
"""
