"""Mail that comes in.

capture.py     the Mailbox's listener on loopback: keeps every message for the account that signed in
simulator.py   recipients whose servers that listener plays; simulator_acting.py does what follows, simulated_reports.py writes it
reports.py     the listener for bounces and complaints, and for what people write to accounts
submission.py  the listeners for programs that send: one session; content.py reads its DATA, submission_message.py its header,
               submission_accepting.py stores it
sessions.py    how many clients there may be at once
listening.py   all in one process
"""
