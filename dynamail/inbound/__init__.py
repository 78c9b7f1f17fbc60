"""Mail that people write to an account: answers to its messages, and what comes to its addresses.

addressing.py   addresses and domains that an account takes mail at, and whose a recipient is
receiving.py    one message, taken once: kept, matched with what it answers, told as an event
reading.py      the parts of a kept message
verdicts.py     SPF, DKIM and DMARC of a message
erasing.py      letters of people whose contacts are deleted
reply_addresses.py   addresses that name the message they answer
"""
