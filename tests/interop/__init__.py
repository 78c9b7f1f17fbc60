"""Our client and server against the mail software of others."""
