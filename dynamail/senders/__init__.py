"""Who writes, and by which way out: senders, transports, the Mailbox.

A *sender* is an identity that may stand in From. A *transport* is a way out; an account without one writes into the
*Mailbox*, the built-in capture transport, so that nothing leaves the machine by accident.
"""
