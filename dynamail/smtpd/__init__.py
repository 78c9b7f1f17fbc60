"""Mail that comes in.

capture.py     the Mailbox's listener on loopback: keeps every message for the account that signed in
simulator.py   recipients whose servers that listener plays; simulator_acting.py does what follows, simulated_reports.py writes it
reports.py     the listener for bounces and complaints, and for what people write to accounts
submission.py  the listeners for programs that send: one session; submission_message.py reads the header of its message,
               submission_accepting.py stores it
sessions.py    how many clients there may be at once, and how each hands over a message; content.py reads it
listening.py   all in one process
"""
