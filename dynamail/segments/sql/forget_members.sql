-- Forget some kept members of a segment that keeps none any more. Called by segments/membership.py until nothing is left.
-- Key used: segment_member by primary key. Parameters: account_id, segment_id, the most rows at once.
DELETE FROM segment_member
WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s AND contact_id IN (
    SELECT contact_id
    FROM segment_member
    WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s
    LIMIT %(limit)s
)
