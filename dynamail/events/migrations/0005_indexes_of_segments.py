from __future__ import annotations

from django.db import migrations

# What segments ask of everybody. "Not opened in 30 days" reads the first index alone, a third of the table's size, and is the commonest
# question there is; it costs each shipped open one more entry. Refusals are two in a hundred messages, so the second index is
# small: it tells for a few contacts what was received and not returned. Room in the pages of `engagement` lets deliveries, which
# change no indexed column, update rows in place.
CREATE = """
CREATE INDEX engagement_opened ON engagement (account_id, last_opened_at) INCLUDE (contact_id) WHERE last_opened_at IS NOT NULL;
CREATE INDEX event_bounced_message ON event (account_id, message_id) WHERE kind = 'message.bounced';
ALTER TABLE engagement SET (fillfactor = 80);
"""
DROP = """
DROP INDEX engagement_opened;
DROP INDEX event_bounced_message;
ALTER TABLE engagement RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0004_activity_from_the_log")]
    operations = [migrations.RunSQL(CREATE, DROP)]
