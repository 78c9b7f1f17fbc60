"""Our SMTP client hands mail to Debian's Postfix, which relays it to a server that records every byte."""
