-- What may be kept of each hit, asked at the moment it is recorded and not at the moment the message was sent (P8.4).
-- Run by tracking/shipping.py after COPY into `hit`, for campaigns; single messages have settle_single_hits.sql. What does not get into `kept_hit` was never written anywhere.
--
--   the mode of the topic (of the account, where there is no topic) is none        nothing
--   the hit names nobody                                                           counted for the source
--   the person left the topic, refused tracking, is restricted, or is gone         nothing
--   mode individual, and the person allowed tracking                               kept for the person
--   the person was merged into another contact                                     as an act of the one who stays
--   otherwise: mode aggregate, or the person was never asked                       counted for the source, without the person
INSERT INTO kept_hit (account_id, id, at, kind, machine, source_id, contact_id, link_number, single, url, lane, source_kind)
SELECT account_id, id, at, kind, machine, source_id, settled_contact_id, link_number, single, url, lane, 'campaign'
FROM (
    SELECT hit.*, coalesce(contact.lane, 0) AS lane,
        CASE
            WHEN account.state = 'closed' OR coalesce(topic.tracking, account.tracking) = 'none' THEN NULL
            WHEN hit.contact_id = '00000000-0000-0000-0000-000000000000' THEN hit.contact_id
            WHEN subscription.state IS DISTINCT FROM 'subscribed' OR subscription.tracking_allowed IS FALSE
                OR contact.state IS NULL OR contact.state = 'restricted' THEN NULL
            WHEN topic.tracking = 'individual' AND subscription.tracking_allowed THEN contact.id
            ELSE '00000000-0000-0000-0000-000000000000'
        END AS settled_contact_id
    FROM hit
    JOIN account ON account.id = hit.account_id
    LEFT JOIN campaign ON campaign.account_id = hit.account_id AND campaign.uid = hit.source_id
    LEFT JOIN topic ON topic.account_id = hit.account_id AND topic.id = campaign.topic_id
    LEFT JOIN contact_alias AS alias ON alias.account_id = hit.account_id AND alias.id = hit.contact_id
    LEFT JOIN contact ON contact.account_id = hit.account_id AND contact.id = coalesce(alias.contact_id, hit.contact_id)
    LEFT JOIN subscription ON subscription.account_id = hit.account_id AND subscription.topic_id = topic.id
        AND subscription.contact_id = contact.id
) AS settled
WHERE NOT single AND settled_contact_id IS NOT NULL
