-- How many contacts fit a condition. Run by segments/counting.py while a member waits; `wanted` is a compiled condition.
-- Uses what the condition lets it use: expression indexes of attributes, contact_state_lane, or a parallel scan of the account.
SELECT count(*) FROM contact WHERE contact.account_id = %(account_id)s AND (/* wanted */)
