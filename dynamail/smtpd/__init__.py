"""Mail that comes in.

capture.py    the Mailbox's listener on loopback: keeps every message for the account that signed in
reports.py    the listener for bounces and complaints
listening.py  both in one process
"""
