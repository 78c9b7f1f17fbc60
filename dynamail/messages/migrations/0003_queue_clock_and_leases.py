from __future__ import annotations

from django.db import migrations, models

# A row that a worker holds leaves the index of what is ready, and stands in the index of leases whatever its state became.


class Migration(migrations.Migration):
    dependencies = [("dynamail_messages", "0002_message_log")]
    operations = [
        migrations.CreateModel(
            name="QueueClock",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("tag", models.FloatField(default=0)),
            ],
            options={"db_table": "queue_clock"},
        ),
        migrations.RunSQL("INSERT INTO queue_clock (id, tag) VALUES (1, 0)", migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="outbox", name="outbox_ready"),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                fields=["priority", "run_at"], condition=models.Q(worker=None), name="outbox_ready"
            ),
        ),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                fields=["lease_until"], condition=models.Q(worker__isnull=False), name="outbox_lease"
            ),
        ),
        migrations.RemoveIndex(model_name="chunk", name="chunk_lease"),
        migrations.AddIndex(
            model_name="chunk",
            index=models.Index(
                fields=["lease_until"], condition=models.Q(worker__isnull=False), name="chunk_lease"
            ),
        ),
    ]
