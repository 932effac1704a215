from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0008_names'),
    ]

    operations = [
        migrations.AddField(
            model_name='incident',
            name='said',
            field=models.JSONField(blank=True, default=dict, help_text='What the title tells, to tell it in any language.'),
        ),
    ]
