-- Contacts whose suppression ran out may be mailed again: the copy of the state on the contact follows. Run each minute by
-- consent/expiring.py, for all accounts. The gate reads the moment itself; this is for what reads the contact alone. A suppression
-- that is renewed at this moment is waited for and read again.
-- Keys used: suppression_expiring, contact_email_once. Running it twice changes nothing. Parameters: since, now.
WITH ended AS (
    SELECT contact.account_id, contact.id
    FROM suppression
    JOIN contact ON contact.account_id = suppression.account_id AND contact.email_key = suppression.email
    WHERE suppression.expires_at > %(since)s AND suppression.expires_at <= %(now)s AND suppression.scope = 'all'
        AND contact.state = 'suppressed'
    FOR UPDATE OF suppression
)
UPDATE contact SET state = 'active', updated_at = %(now)s
FROM ended
WHERE contact.account_id = ended.account_id AND contact.id = ended.id AND contact.state = 'suppressed'
