from __future__ import annotations

from typing import Any

from django.db import migrations

from dynamail.lib.clock import utc_now
from dynamail.lib.partitions import ensure_partitions

# Opens and clicks from before the table `activity` stand in the log alone: what tracking/sql/count_activity.sql writes of a segment
# is made of all of it here, once. The log is complete, so that its number wins where both know one; contacts that are gone stay
# gone. A migration works on all accounts at once: the walls open for it and are raised after it.
FILL = """
ALTER TABLE event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE contact NO FORCE ROW LEVEL SECURITY;
ALTER TABLE activity NO FORCE ROW LEVEL SECURITY;
INSERT INTO activity (account_id, kind, at, contact_id, source_id, link_number, n)
SELECT event.account_id, split_part(event.kind, '.', 2), date_bin('15 minutes', event.at, '2001-01-01T00:00:00Z'),
    event.contact_id, event.source_id, coalesce((event.data->>'link')::smallint, -1), count(*)
FROM event
JOIN contact ON contact.account_id = event.account_id AND contact.id = event.contact_id
WHERE event.kind IN ('message.opened', 'message.clicked') AND event.source_id IS NOT NULL AND NOT event.data ? 'machine'
GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT (account_id, kind, at, contact_id, source_id, link_number) DO UPDATE SET n = excluded.n;
"""


def make_months(apps: Any, schema_editor: Any) -> None:
    """The months of the new table come after all migrations otherwise."""
    with schema_editor.connection.cursor() as cursor:
        ensure_partitions(cursor, now=utc_now())


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0003_activity_and_own_events"),
        ("contacts", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(make_months, migrations.RunPython.noop),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
