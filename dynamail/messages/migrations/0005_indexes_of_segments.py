from __future__ import annotations

from django.db import migrations

# Periods ask for `at`, and partitions are cut by id. Messages are written in the order of `at`, so a block range index, some kilobytes
# a month and next to nothing for each insert, finds the pages of a period. What was sent and not delivered (two in a hundred) is
# missing in `engagement`; the partial index has it, and deliveries do not touch it.
CREATE = """
CREATE INDEX message_at ON message USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX message_refused ON message (account_id, at) INCLUDE (contact_id) WHERE state IN ('bounced', 'unknown');
"""


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0004_chunks_uncompressed")]
    operations = [migrations.RunSQL(CREATE, "DROP INDEX message_at; DROP INDEX message_refused")]
