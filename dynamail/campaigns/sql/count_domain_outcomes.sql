-- Outcomes of a campaign by mailbox domain. Run by the report page. Index: message_source.
SELECT domain,
       count(*) FILTER (WHERE state = 'delivered'),
       count(*) FILTER (WHERE state = 'bounced'),
       count(*) FILTER (WHERE state NOT IN ('delivered', 'bounced'))
FROM message
WHERE account_id = %(account_id)s AND source_id = %(source_id)s
GROUP BY domain
ORDER BY count(*) DESC, domain
LIMIT %(most)s
