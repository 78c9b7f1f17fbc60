-- Has a member of the account accepted the privacy policy in force, in any language? True where none is published. Asked once a second for
-- each key in use (api/key_cache.py). Few versions, few members: policy_document_version_once, member_once_per_account,
-- policy_acceptance_once.
SELECT coalesce(
    (
        SELECT EXISTS (
            SELECT FROM member
            JOIN policy_acceptance AS acceptance ON acceptance.user_id = member.user_id
            JOIN policy_document AS accepted ON accepted.id = acceptance.document_id
            WHERE member.account_id = %(account)s AND accepted.kind = 'privacy' AND accepted.version = in_force.version
        )
        FROM policy_document AS in_force
        WHERE in_force.kind = 'privacy' AND in_force.published_at <= %(now)s
        ORDER BY in_force.version DESC
        LIMIT 1
    ),
    true
)
