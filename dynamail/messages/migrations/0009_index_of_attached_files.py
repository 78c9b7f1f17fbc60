from __future__ import annotations

from django.db import migrations

# Whether a file is still part of any content: asked for each one before it is deleted. Contents without files do not pay for it.
CREATE = """
CREATE INDEX email_body_blobs ON email_body USING gin ((content -> 'attachments') jsonb_path_ops)
    WHERE content -> 'attachments' <> '[]';
"""


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0008_indexes_of_the_log")]
    operations = [migrations.RunSQL(CREATE, "DROP INDEX email_body_blobs")]
