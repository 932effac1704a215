"""The tables as they are, for a new database; one that went the old way stays on it."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from metrics.migrations._tables import count_ids_in_the_table, leave_packed_bytes_alone


class Migration(migrations.Migration):

    replaces = [('metrics', '0001_initial'), ('metrics', '0002_sealed_chunks'), ('metrics', '0003_names')]

    initial = True

    dependencies = [
        ('servers', '0001_squashed_0006_stands_for'),
    ]

    operations = [
        migrations.CreateModel(
            name='Layout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hash', models.CharField(max_length=16, unique=True)),
                ('columns', models.JSONField()),
                ('series', models.JSONField(help_text='Series ids in the order of the columns; null for a refused name.')),
            ],
        ),
        migrations.CreateModel(
            name='Latest',
            fields=[
                ('server', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='servers.server')),
                ('received', models.BigIntegerField()),
                ('at', models.BigIntegerField()),
                ('values', models.BinaryField()),
                ('layout', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='metrics.layout')),
            ],
        ),
        migrations.CreateModel(
            name='Series',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('metric', models.CharField(max_length=200)),
                ('labels', models.TextField(blank=True, help_text='Canonical text, as metrics.names writes it.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('metric', 'labels'), name='one_series_of_a_name')],
                'verbose_name_plural': 'series',
            },
        ),
        migrations.CreateModel(
            name='Accepted',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('boot', models.CharField(max_length=64)),
                ('ranges', models.JSONField(default=list)),
                ('changed', models.BigIntegerField(default=0, help_text='Milliseconds, our clock.')),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('server', 'boot'), name='one_record_of_a_boot')],
            },
        ),
        migrations.CreateModel(
            name='JournalRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('received', models.BigIntegerField(help_text='Milliseconds, our clock.')),
                ('start', models.BigIntegerField(help_text="First sample, milliseconds, the agent's clock.")),
                ('end', models.BigIntegerField(help_text="Last sample, milliseconds, the agent's clock.")),
                ('boot', models.CharField(blank=True, max_length=64)),
                ('seq', models.BigIntegerField(null=True)),
                ('rows', models.BinaryField(help_text='Times, then values: see metrics.blob.')),
                ('server', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='servers.server')),
                ('layout', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='metrics.layout')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('end__lte', 4102444800000), ('start__gte', 946684800000)), name='journal_time_is_sane')],
            },
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('server', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='servers.server')),
                ('tier', models.IntegerField(help_text='0 for samples, else the seconds of a bucket.')),
                ('span', models.BigIntegerField(help_text='Start of the hour, day or month, milliseconds.')),
                ('part', models.BigIntegerField(help_text='Samples: the last journal row in it. Buckets: the hour, 0 for all.')),
                ('start', models.BigIntegerField(help_text='First sample, milliseconds.')),
                ('end', models.BigIntegerField(help_text='Last sample, milliseconds.')),
                ('merged', models.BooleanField(default=False)),
                ('data', models.BinaryField()),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('merged', False), ('tier', 0)), fields=['span', 'server'], name='chunks_to_merge')],
                'constraints': [models.UniqueConstraint(fields=('tier', 'span', 'server', 'part'), name='one_chunk_of_a_part')],
            },
        ),
        migrations.CreateModel(
            name='Dirty',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.IntegerField(help_text='0 for an hour, 300 for a day.')),
                ('span', models.BigIntegerField()),
                ('block', models.BigIntegerField()),
                ('due', models.BigIntegerField(help_text='Milliseconds, our clock.')),
                ('done', models.BigIntegerField(default=0, help_text='The last series that was made; the work goes on behind it.')),
                ('turn', models.IntegerField(default=0, help_text='How often it was marked again meanwhile.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tier', 'span', 'block'), name='one_mark_of_a_block')],
            },
        ),
        migrations.CreateModel(
            name='FleetChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('series', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='metrics.series')),
                ('tier', models.IntegerField()),
                ('block', models.BigIntegerField(help_text='Server id // 256.')),
                ('span', models.BigIntegerField()),
                ('part', models.BigIntegerField(default=0, help_text='The seal that wrote a piece; 0 for what is made anew.')),
                ('data', models.BinaryField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tier', 'span', 'series', 'block', 'part'), name='one_fleet_chunk_of_a_part')],
            },
        ),
        migrations.CreateModel(
            name='Uses',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('layout', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='metrics.layout')),
                ('server', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='servers.server')),
                ('first', models.BigIntegerField(help_text='First sample, milliseconds.')),
                ('last', models.BigIntegerField(help_text='Last sample, milliseconds.')),
                ('judged', models.BigIntegerField(help_text='Last sample, or when it was received if that was earlier.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('server', 'layout'), name='one_use_of_a_layout')],
            },
        ),
        migrations.RunPython(count_ids_in_the_table, migrations.RunPython.noop),
        migrations.RunPython(leave_packed_bytes_alone, migrations.RunPython.noop),
    ]
