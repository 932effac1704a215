
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('servers', '0004_replaced_keys'),
    ]

    operations = [
        migrations.AddField(
            model_name='server',
            name='internal',
            field=models.BooleanField(default=False, editable=False, help_text="Not a machine: the product's canary."),
        ),
    ]
