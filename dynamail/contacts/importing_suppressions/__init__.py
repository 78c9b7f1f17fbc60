"""A list of addresses that another system must not mail, on its way in. Nobody becomes a contact by it.

1. words.py     what other systems call it: `cleaned`, `SpamComplaint`, Mautic's 2, a reply code
2. columns.py   which column is what, guessed from headers and samples; what holds where the file does not say
3. rows.py      from a row's cells to a suppression
4. steps.py     from an upload to a queued run
5. running.py   blocks of rows: parse, stage, insert, rejects; each block commits with its position
"""
