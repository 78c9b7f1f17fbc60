"""The sending side of SMTP (RFC 5321), made for many messages over few connections.

1. `client.open_connection(hop)` connects, greets, upgrades to TLS, signs in; SmtpError says what was refused.
2. `SmtpConnection.deliver(next_envelope, ...)` pulls envelopes and streams them: one message's body and the next one's
   MAIL, RCPT and DATA travel in one write (RFC 2920 §3.1); `pipeline` holds that state machine.
3. Every pulled envelope gets exactly one Outcome (`envelopes`), whatever the server or the network does.
4. `lessons` remembers which servers offer what they cannot do, so that the next connection does without.
5. `wire` keeps bodies from ending early or hiding a second message; `replies` reads what comes back, within bounds.
"""
