from __future__ import annotations

from django.db import migrations

# Ids do not compress, and trying costs more than writing them.
PLAIN = "ALTER TABLE chunk ALTER COLUMN contact_ids SET STORAGE EXTERNAL"
USUAL = "ALTER TABLE chunk ALTER COLUMN contact_ids SET STORAGE EXTENDED"


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0003_queue_clock_and_leases")]
    operations = [migrations.RunSQL(PLAIN, USUAL)]
