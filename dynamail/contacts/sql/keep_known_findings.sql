-- The DNS was silent about some staged addresses: what an earlier check found about the domain of a known contact stands. Called by
-- contacts/importing/staging.py after COPY, for blocks that have such rows. Uses contact_email_once (account_id, email_key).
UPDATE pg_temp.contact_staging AS staged
SET findings = staged.findings - %(unsure)s::smallint + coalesce((
    SELECT kept.findings & %(asked)s::smallint
    FROM contact AS kept
    WHERE kept.account_id = %(account)s AND kept.email_key = staged.email_key
), 0::smallint)
WHERE staged.findings & %(unsure)s::smallint <> 0
