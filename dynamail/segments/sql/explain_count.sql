-- What the planner expects of count_members.sql. Run by segments/counting.py when a count took too long; counts nothing.
EXPLAIN (FORMAT JSON) SELECT count(*) FROM contact WHERE contact.account_id = %(account_id)s AND (/* wanted */)
