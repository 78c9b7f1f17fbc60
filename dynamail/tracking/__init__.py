"""Signed links and pixels, and what comes of them.

Endpoints verify a token without a database read, classify the caller in memory (person or machine) and append the hit to a
local segment file; segments are shipped by COPY with the segment's id in the same transaction. The recipient's IP and user
agent are never stored (promise P2.1). The tracking mode is read again at the hit.
"""
