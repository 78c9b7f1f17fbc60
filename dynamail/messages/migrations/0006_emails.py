from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE TABLE email (
    account_id bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    source_kind varchar(12) NOT NULL,
    api_key_id bigint,
    stream varchar(40) NOT NULL,
    from_email varchar(254) NOT NULL,
    from_name varchar(200) NOT NULL DEFAULT '',
    reply_to jsonb NOT NULL DEFAULT '[]',
    subject varchar(998) NOT NULL,
    recipients jsonb NOT NULL,
    tags varchar(100)[] NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    template_uid uuid,
    topic_id bigint,
    track_opens boolean NOT NULL DEFAULT false,
    track_clicks boolean NOT NULL DEFAULT false,
    send_at timestamptz,
    is_test boolean NOT NULL DEFAULT false,
    header_id varchar(250) NOT NULL DEFAULT '',
    size_bytes integer NOT NULL DEFAULT 0,
    one_time boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX email_header_id ON email (account_id, header_id) WHERE header_id <> '';
CREATE INDEX email_tags ON email USING gin (tags) WHERE tags <> '{}';
CREATE TABLE email_body (
    account_id bigint NOT NULL,
    id uuid NOT NULL,
    kind varchar(8) NOT NULL,
    content jsonb,
    raw bytea,
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
ALTER TABLE message ADD COLUMN email_id uuid, ADD COLUMN stream varchar(40) NOT NULL DEFAULT '';
-- Those of campaigns are found by their campaign or their contact: an index of recipients would slow their delivery down.
CREATE INDEX message_email ON message (account_id, email_id) WHERE email_id IS NOT NULL;
CREATE INDEX message_recipient ON message (account_id, recipient, id) WHERE email_id IS NOT NULL;
"""
DROP = """
DROP TABLE email; DROP TABLE email_body;
ALTER TABLE message DROP COLUMN email_id, DROP COLUMN stream;
"""


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0005_indexes_of_segments")]
    operations = [
        migrations.RunSQL(CREATE, DROP),
    ]
