"""Debian's Postfix as a private instance: own folders, a free loopback port, everything relayed to one host and port."""
