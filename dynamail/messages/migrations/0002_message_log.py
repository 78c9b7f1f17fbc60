from __future__ import annotations

from django.db import migrations

# The queue tables live short and change often: room in the page for HOT updates, vacuum that keeps up.
CREATE = """
CREATE TABLE message (
    account_id bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    source_kind varchar(12) NOT NULL,
    source_id uuid,
    contact_id uuid,
    recipient varchar(254) NOT NULL DEFAULT '',
    domain varchar(253) NOT NULL DEFAULT '',
    state varchar(12) NOT NULL,
    bounce_class varchar(24) NOT NULL DEFAULT '',
    smtp_code smallint NOT NULL DEFAULT 0,
    enhanced_code varchar(12) NOT NULL DEFAULT '',
    reply varchar(500) NOT NULL DEFAULT '',
    transport_id bigint,
    attempts smallint NOT NULL DEFAULT 1,
    size_bytes integer NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX message_source ON message (account_id, source_id, state, id) WHERE source_id IS NOT NULL;
CREATE INDEX message_contact ON message (account_id, contact_id, id) WHERE contact_id IS NOT NULL;
ALTER TABLE chunk SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE outbox SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
                        autovacuum_vacuum_cost_delay = 0);
"""


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, "DROP TABLE message")]
