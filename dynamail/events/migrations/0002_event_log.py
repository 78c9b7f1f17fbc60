from __future__ import annotations

from django.db import migrations

# `tx` is the writing transaction: a reader that stays below pg_snapshot_xmin(pg_current_snapshot()) never skips a row that
# commits late. It is not part of the model: only `tailing.py` reads it.
CREATE = """
CREATE TABLE event (
    account_id bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind varchar(40) NOT NULL,
    contact_id uuid,
    message_id uuid,
    source_kind varchar(20) NOT NULL DEFAULT '',
    source_id uuid,
    data jsonb NOT NULL DEFAULT '{}',
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX event_contact ON event (account_id, contact_id, id) WHERE contact_id IS NOT NULL;
CREATE INDEX event_source ON event (account_id, source_id, id) WHERE source_id IS NOT NULL;
CREATE INDEX event_tx ON event (tx, id);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, "DROP TABLE event")]
