"""What the standards of electronic mail define, in pure Python: no Django, no database.

`address` parses one address (RFC 5321, 6531, 5891) · `mime` and `quoted_printable` turn text into bytes that are safe on
the wire (RFC 5322, 2045–2049, 2231) · `list_headers` builds what mailbox providers ask of bulk mail (RFC 2369, 2919, 8058) ·
`verp` ties a return-path to a message · `codes` says why a message bounced (RFC 3463) · `retrying` when to try again ·
`smtp` speaks to the next hop.

`hop_plans` finds the next hops of a domain: `dns` asks, `mx` and `mx_sites` find its hosts and their site, `mta_sts` and `dane`
say what their certificates must prove; `lib/public_addresses.py` keeps us out of our own networks.
"""
