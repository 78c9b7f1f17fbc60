"""Mail that comes in.

capture.py   the Mailbox's listener on loopback: keeps every message for the account that signed in
"""
