from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('servers', '0005_canary'),
    ]

    operations = [
        migrations.AddField(
            model_name='server',
            name='stands_for',
            field=models.CharField(blank=True, editable=False, help_text='Of a row that is no machine: what it carries series of.', max_length=10),
        ),
        migrations.AlterField(
            model_name='server',
            name='internal',
            field=models.BooleanField(default=False, editable=False, help_text="Not a machine: a row of the product's own."),
        ),
    ]
