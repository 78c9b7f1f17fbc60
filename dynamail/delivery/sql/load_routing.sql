-- An account's ways out and its rules for choosing among them. Run by the deliver worker when it meets an account, and again after
-- some seconds; three JSON texts. Keys used: those of transport, pool_member and routing_rule by account. Parameters: account_id.
SELECT
    (
        SELECT coalesce(json_agg(json_build_object(
            'id', id, 'account_id', account_id, 'name', name, 'kind', kind, 'host', host, 'port', port, 'security', security,
            'verify_certificate', verify_certificate, 'username', username, 'password_sealed', encode(password_sealed, 'hex'),
            'connections', connections, 'rate_per_second', rate_per_second, 'is_enabled', is_enabled, 'is_default', is_default,
            'provider', provider, 'provider_settings_sealed', encode(provider_settings_sealed, 'hex'),
            'source_address', host(source_address), 'helo_name', helo_name, 'per_hour', per_hour, 'per_day', per_day,
            'warmup_started_on', warmup_started_on, 'warmup_plan', warmup_plan
        )), '[]')::text
        FROM transport WHERE account_id = %(account_id)s
    ),
    (
        SELECT coalesce(json_agg(json_build_array(pool_id, transport_id, weight) ORDER BY id), '[]')::text
        FROM pool_member WHERE account_id = %(account_id)s
    ),
    (
        SELECT coalesce(json_agg(json_build_object(
            'stream', stream, 'sender_domain', sender_domain, 'recipient_domain', recipient_domain, 'pool_id', pool_id,
            'transport_id', transport_id
        ) ORDER BY position, id), '[]')::text
        FROM routing_rule WHERE account_id = %(account_id)s
    )
