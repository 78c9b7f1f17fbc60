"""Doors in the shapes of other vendors: their clients send through us with another base URL alone. `docs/api/compat.md`.

one file a vendor    its requests as ours, our answers as its own
doors.py             what is the same at every door: the path, the key, errors
reading.py, forms.py what they read alike: addresses, files, JSON, forms
"""
