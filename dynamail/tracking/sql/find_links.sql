-- All links of one source. Run by the click endpoint on a miss of its cache (tracking/link_cache.py). Primary key.
-- Parameters: account_id, source_id.
SELECT number, url, is_dynamic FROM link WHERE account_id = %s AND source_id = %s
