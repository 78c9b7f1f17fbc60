-- The same for hits of single messages, which name the message as their source: they become those of its stream. Run by
-- tracking/shipping.py in the transaction of the segment. A reader may be faster than the log, so the message is also looked for among
-- those that wait. Keys used: primary keys of message, outbox, email, contact, contact_alias, subscription; topic's.
--
--   the log of the message is gone, the sender counts nothing (any more)           nothing
--   the reader is a contact whose data is restricted                               nothing
--   sent on a topic that records nothing, or which the person left, or refused
--     to be counted on                                                             nothing
--   sent on a topic that counts persons, and the person allowed it; or on none     kept for the message, and for its contact
--   otherwise                                                                      counted for the stream, without message and person
INSERT INTO kept_hit (account_id, id, at, kind, machine, source_id, contact_id, link_number, single, url, lane, message_id, source_kind)
SELECT account_id, id, at, kind, machine, stream_uid, CASE WHEN is_named THEN person ELSE nobody END, link_number, true, url, lane,
    CASE WHEN is_named THEN source_id END, sent_by
FROM (
    SELECT hit.*, sent.source_id AS stream_uid, sent.source_kind AS sent_by, coalesce(contact.lane, 0) AS lane,
        coalesce(contact.id, nobody) AS person, nobody,
        email.topic_id IS NULL OR topic.tracking = 'individual' AND subscription.tracking_allowed IS TRUE AS is_named
    FROM hit
    CROSS JOIN (SELECT '00000000-0000-0000-0000-000000000000'::uuid) AS zero (nobody)
    JOIN account ON account.id = hit.account_id AND account.state <> 'closed'
    CROSS JOIN LATERAL (
        SELECT email_id, source_id, source_kind, contact_id FROM message
        WHERE message.account_id = hit.account_id AND message.id = hit.source_id
        UNION ALL
        SELECT email_id, source_id, source_kind, contact_id FROM outbox
        WHERE outbox.shard = hit.account_id % 256 AND outbox.id = hit.source_id AND outbox.account_id = hit.account_id
        LIMIT 1
    ) AS sent
    JOIN email ON email.account_id = hit.account_id AND email.id = sent.email_id
        AND CASE WHEN hit.kind = 'opened' THEN email.track_opens ELSE email.track_clicks END
    LEFT JOIN topic ON topic.account_id = hit.account_id AND topic.id = email.topic_id
    LEFT JOIN contact_alias AS alias ON alias.account_id = hit.account_id AND alias.id = sent.contact_id
    LEFT JOIN contact ON contact.account_id = hit.account_id AND contact.id = coalesce(alias.contact_id, sent.contact_id)
    LEFT JOIN subscription ON subscription.account_id = hit.account_id AND subscription.topic_id = email.topic_id
        AND subscription.contact_id = contact.id
    WHERE hit.single AND sent.source_id IS NOT NULL AND contact.state IS DISTINCT FROM 'restricted'
        AND (email.topic_id IS NULL OR topic.tracking <> 'none' AND subscription.state = 'subscribed'
            AND subscription.tracking_allowed IS NOT FALSE)
) AS settled
