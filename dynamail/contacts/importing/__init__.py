"""A file of contacts on its way in.

1. uploads.py     the file is stored as it came, hashed, kept for seven days
2. sniffing.py    format, encoding, separator and header are found from its content
   encodings.py, reading.py, workbooks.py       rows out of CSV and XLSX with bounded memory
3. mapping.py     which column is what, guessed from headers and samples
   statement.py   what the account states about consent
4. checking.py    the dry run: exact counts, nothing changed
5. running.py     blocks of rows: parse (people.py), stage, upsert, consent, rejects; each block commits with its position
   passes.py      what a run and a dry run do alike, and the import of suppressions too
   seen.py        addresses met so far, on disk
   steps.py       the states in between, and who may move on
"""
