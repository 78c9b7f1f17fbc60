-- The transport that carries an account's mail, if it has one. Run by the deliver worker when it meets an account, and again after
-- some seconds. Keys used: transport_one_default. Parameters: account_id.
SELECT id, account_id, name, host, port, security, verify_certificate, username, password_sealed, connections, rate_per_second
FROM transport
WHERE account_id = %(account_id)s AND is_default
