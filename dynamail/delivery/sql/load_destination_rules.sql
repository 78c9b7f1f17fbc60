-- The limits that an operator gave to accounts and their own rules for destinations; an account without rules has one row of NULLs.
-- Run by each deliver worker every ten seconds for the accounts that it sends for. Keys used: account_pkey, destination_rule_once.
-- Parameters: account_ids bigint[].
SELECT account.id, account.messages_per_hour, account.messages_per_day, rule.transport_id, rule.site, rule.connections,
    rule.per_second, rule.per_minute, rule.per_hour, rule.per_day, rule.per_connection
FROM account LEFT JOIN destination_rule rule ON rule.account_id = account.id
WHERE account.id = ANY(%(account_ids)s::bigint[])
