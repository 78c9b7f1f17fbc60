from __future__ import annotations

from django.db import migrations, models

import dynamail.lib.ids

# A volatile default fills the rows that exist one by one. An UPDATE could not: row-level security hides them from the owner.
ADD = """
ALTER TABLE member ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE member ALTER COLUMN uid DROP DEFAULT;
ALTER TABLE member ADD CONSTRAINT member_uid_key UNIQUE (uid);
"""
DROP = "ALTER TABLE member DROP COLUMN uid;"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL(
            ADD,
            DROP,
            state_operations=[
                migrations.AddField(
                    "member",
                    "uid",
                    models.UUIDField(default=dynamail.lib.ids.new_id, unique=True, editable=False),
                )
            ],
        )
    ]
