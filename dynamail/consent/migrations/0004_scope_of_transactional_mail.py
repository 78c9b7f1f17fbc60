from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0003_suppression_list")]

    operations = [
        migrations.AlterField(
            model_name="suppression",
            name="scope",
            field=models.CharField(
                choices=[
                    ("all", "All mail"),
                    ("marketing", "Campaigns only"),
                    ("transactional", "Transactional mail only"),
                ],
                default="all",
                max_length=16,
            ),
        ),
    ]
