-- Clicks of each link of a campaign: acts and people. Run by the report page. Primary keys of link and interaction.
-- A contact of zeros stands for "nobody in particular" (aggregate tracking): then people are unknown.
SELECT link.number,
       link.url,
       link.label,
       CASE WHEN bool_or(act.contact_id = '00000000-0000-0000-0000-000000000000') THEN NULL ELSE count(act.contact_id) END,
       coalesce(sum(act.times), 0)::bigint
FROM link
LEFT JOIN interaction AS act
       ON act.account_id = link.account_id AND act.source_id = link.source_id AND act.kind = 'clicked'
      AND act.link_number = link.number
WHERE link.account_id = %(account_id)s AND link.source_id = %(source_id)s
GROUP BY link.number, link.url, link.label
ORDER BY link.number
