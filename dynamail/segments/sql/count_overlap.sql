-- How many contacts fit one condition, the other, and both. Run by segments/counting.py for the builder. Three questions in one
-- statement, so that all three are about the same moment; each is planned like count_members.sql.
SELECT
    (SELECT count(*) FROM contact WHERE contact.account_id = %(account_id)s AND (/* this */)),
    (SELECT count(*) FROM contact WHERE contact.account_id = %(account_id)s AND (/* other */)),
    (SELECT count(*) FROM contact WHERE contact.account_id = %(account_id)s AND (/* this */) AND (/* other */))
