from __future__ import annotations

from django.db import migrations

# The log is searched by the beginning of an address, whatever its case. An index on lower(recipient) would not do: lower is not
# leakproof, so row-level security keeps such a condition away from the index. Programs write nearly all addresses in lower case: those rows
# have nothing here and are not in this index; they are found by their recipient, as before.
CREATE = """
ALTER TABLE message ADD COLUMN recipient_folded text
    GENERATED ALWAYS AS (CASE WHEN email_id IS NOT NULL THEN nullif(lower(recipient), recipient) END) STORED;
CREATE INDEX message_recipient_folded ON message (account_id, recipient_folded text_pattern_ops, email_id)
    WHERE recipient_folded IS NOT NULL;
"""
DROP = """
ALTER TABLE message DROP COLUMN recipient_folded;
"""


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0009_index_of_attached_files")]
    operations = [migrations.RunSQL(CREATE, DROP)]
