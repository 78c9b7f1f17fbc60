-- How many suppressions an account has, by reason and scope, in force and run out: the numbers beside the filters of the page.
-- Called by consent/suppression_list.py. Parameters: account_id, now.
SELECT reason, scope, coalesce(expires_at <= %(now)s, false), count(*)
FROM suppression
WHERE account_id = %(account_id)s
GROUP BY 1, 2, 3
