"""Standards of mail, tested without a database."""
