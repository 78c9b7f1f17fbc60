from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inbound", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="receivedmessage",
            name="from_key",
            field=models.CharField(default="", max_length=320),
        ),
        migrations.AddIndex(
            model_name="receivedmessage",
            index=models.Index(fields=["account_id", "from_key"], name="received_message_from"),
        ),
    ]
