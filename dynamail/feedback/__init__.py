"""What the world says back about our mail: bounces, complaints, delays; and what follows from each.

finding.py       which message a report is about; forged reports are about none
receiving.py     one report, taken exactly once, with its consequence
consequences.py  suppress, count, tell the operator
provider_events.py  what the webhooks of providers tell
polling.py       reports that arrive in an IMAP or POP3 mailbox
mailboxes.py     setting such a mailbox up
"""
