"""A file of the account's own events on its way in: orders, visits, whatever another system has noted about people.

1. columns.py   which column is the address, the event, its time, its id; all others are properties
2. rows.py      from a row's cells to an event
3. steps.py     from an upload to a queued dry run and run
4. running.py   blocks of rows: parse, look up or write, rejects; each block commits with its position
"""
