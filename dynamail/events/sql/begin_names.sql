-- One maker of names at a time in an account, so that their limit holds. Run by events/own_names.py. Parameter: account_id.
SELECT pg_advisory_xact_lock(hashtext('event_name'), (%s::bigint %% 2147483647)::int)
