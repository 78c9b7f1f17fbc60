from __future__ import annotations

from django.db import migrations

# What the log of single mail is asked for. Most messages are delivered: those that were not are few, and found by their state. The
# operator class lets the beginning of an address use the index under any collation; a whole one does as before.
CREATE = """
DROP INDEX message_recipient;
CREATE INDEX message_recipient ON message (account_id, recipient varchar_pattern_ops, email_id) WHERE email_id IS NOT NULL;
CREATE INDEX message_unhappy ON message (account_id, state, email_id) WHERE email_id IS NOT NULL AND state <> 'delivered';
CREATE INDEX email_stream ON email (account_id, stream, id);
CREATE INDEX email_test ON email (account_id, id) WHERE is_test;
CREATE INDEX email_smtp ON email (account_id, id) WHERE source_kind = 'smtp';
"""
DROP = """
DROP INDEX email_smtp;
DROP INDEX email_test;
DROP INDEX email_stream;
DROP INDEX message_unhappy;
DROP INDEX message_recipient;
CREATE INDEX message_recipient ON message (account_id, recipient, id) WHERE email_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0007_outbox_of_emails")]
    operations = [migrations.RunSQL(CREATE, DROP)]
