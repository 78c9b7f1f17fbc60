-- Write the findings of one block of contacts where they differ; what the DNS said (the bit `asked`) stays. Called by
-- contacts/refreshing.py; uses the primary key (account_id, id).
UPDATE contact
SET findings = fresh.findings | (contact.findings & %(asked)s::smallint)
FROM unnest(%(ids)s::uuid[], %(findings)s::smallint[]) AS fresh (id, findings)
WHERE contact.account_id = %(account)s
    AND contact.id = fresh.id
    AND contact.findings <> fresh.findings | (contact.findings & %(asked)s::smallint)
