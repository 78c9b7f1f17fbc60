from __future__ import annotations

from django.db import migrations

# The timeline of one email. Campaigns' events do not pay for it.
CREATE = """
CREATE INDEX event_single_message ON event (account_id, message_id, id)
    WHERE message_id IS NOT NULL AND source_kind IN ('api', 'smtp');
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0005_indexes_of_segments")]
    operations = [migrations.RunSQL(CREATE, "DROP INDEX event_single_message")]
