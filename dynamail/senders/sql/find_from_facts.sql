-- What an account has proved of the addresses that are to stand in From, and whether its mail could leave this server. Run by
-- senders/from_rules.py once for all emails that are accepted together. Indexes: transport_one_default, sending_domain_once, and the
-- account's few senders. Parameters: account_id, domains (A-labels, with all parents), senders (as written).
SELECT
    EXISTS (SELECT FROM transport WHERE account_id = %(account_id)s AND is_default AND is_enabled)
        OR EXISTS (SELECT FROM routing_rule WHERE account_id = %(account_id)s),
    ARRAY(
        SELECT name FROM sending_domain
        WHERE account_id = %(account_id)s AND name = ANY(%(domains)s::text[]) AND state = 'verified'
    )::text[],
    ARRAY(
        SELECT asked FROM unnest(%(senders)s::text[]) AS asked
        WHERE EXISTS (
            SELECT FROM sender
            WHERE account_id = %(account_id)s AND upper(email) = upper(asked) AND verified_at IS NOT NULL
        )
    )::text[]
