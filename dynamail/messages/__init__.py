"""The spine: how an email comes to exist, waits, and is remembered.

accepting.py   accept_message: the only way one email is made     outbox    one row per waiting message
composing.py   frozen content + one contact → bytes               chunk     500 recipients of a campaign, leased whole
accounting.py  the numbers that always add up                     message   the outcome, one row, written once
"""
