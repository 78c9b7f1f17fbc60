-- How running campaigns fare, for the guard rails: a few counters each, every few seconds. Counters, not the log.
-- Keys used: campaign_running, rollup_hour's primary key. No parameters.
SELECT campaign.account_id, campaign.uid,
    coalesce(sum(rollup_hour.n) FILTER (WHERE rollup_hour.kind IN ('delivered', 'bounced')), 0)::bigint,
    coalesce(sum(rollup_hour.n) FILTER (WHERE rollup_hour.kind = 'delivered'), 0)::bigint,
    coalesce(sum(rollup_hour.n) FILTER (WHERE rollup_hour.kind IN ('hard_bounced', 'returned_hard')), 0)::bigint,
    coalesce(sum(rollup_hour.n) FILTER (WHERE rollup_hour.kind = 'complained'), 0)::bigint,
    campaign.guard_baseline
FROM campaign
JOIN rollup_hour ON rollup_hour.account_id = campaign.account_id AND rollup_hour.source_id = campaign.uid
WHERE campaign.state = 'running'
GROUP BY campaign.account_id, campaign.uid, campaign.guard_baseline
