-- How many contacts a campaign would reach now. Called by messages/freezing.py for the campaign page; contains select_audience.sql.
SELECT count(*) FROM (/* select_audience */) AS audience
