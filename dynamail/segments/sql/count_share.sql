-- How many contacts a share of the account has. Run by segments/counting.py before an estimate; reads contact_sample alone.
SELECT count(*) FROM contact WHERE contact.account_id = %(account_id)s AND contact.sample < %(share)s
