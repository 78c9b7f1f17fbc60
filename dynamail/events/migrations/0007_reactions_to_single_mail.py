from __future__ import annotations

from django.db import migrations

# "Which emails were opened?" Ids of messages begin with the moment of acceptance, so this index has them in the order of the log. What
# machines fetch is not in it; campaigns' events do not pay for it.
CREATE = """
CREATE INDEX event_single_reaction ON event (account_id, kind, message_id)
    WHERE message_id IS NOT NULL AND source_kind IN ('api', 'smtp')
        AND kind IN ('message.opened', 'message.clicked', 'message.complained', 'message.bounced') AND NOT data ? 'machine';
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0006_timeline_of_single_mail")]
    operations = [migrations.RunSQL(CREATE, "DROP INDEX event_single_reaction")]
