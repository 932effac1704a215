"""The tables as they are, for a new database; one that went the old way stays on it."""

from __future__ import annotations

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('ml', '0001_initial'), ('ml', '0002_forecasts'), ('ml', '0003_cards'), ('ml', '0004_watch_top'), ('ml', '0005_nights'), ('ml', '0006_scored')]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0007_roles_by_groups'),
        ('servers', '0001_squashed_0006_stands_for'),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('number', models.PositiveIntegerField(help_text='Counts up for each server.')),
                ('state', models.CharField(choices=[('current', 'current'), ('kept', 'kept'), ('refused', 'refused')], max_length=10)),
                ('why', models.CharField(help_text='What it was made for, as its training said.', max_length=20)),
                ('said', models.CharField(blank=True, help_text='Of a refused one: why.', max_length=300)),
                ('columns', models.JSONField(help_text='What it looks at.')),
                ('schema', models.CharField(help_text='The hash of these columns.', max_length=16)),
                ('span_from', models.BigIntegerField(help_text='First row that was learnt from, milliseconds.')),
                ('span_to', models.BigIntegerField(help_text='Last row that was learnt from, milliseconds.')),
                ('rows', models.PositiveIntegerField()),
                ('short', models.BooleanField(default=False, help_text='Of less than a day: it shows, and cannot alert.')),
                ('sha256', models.CharField(max_length=64)),
                ('blob', models.BinaryField(help_text="Arrays as NumPy's npz, without pickle.")),
                ('figures', models.JSONField(default=dict, help_text='How it did on what it had not seen, beside the one before.')),
                ('made_at', models.DateTimeField()),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('server', 'number'), name='one_version_of_a_number'), models.UniqueConstraint(condition=models.Q(('state', 'current')), fields=('server',), name='one_current_version')],
            },
        ),
        migrations.CreateModel(
            name='Sensitivity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('per_week', models.FloatField()),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('server', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
            ],
            options={
                'verbose_name_plural': 'sensitivities',
                'constraints': [models.UniqueConstraint(condition=models.Q(('server', None)), fields=('team',), name='one_sensitivity_of_a_team'), models.UniqueConstraint(fields=('server',), name='one_sensitivity_of_a_server'), models.CheckConstraint(condition=models.Q(('per_week__gte', 0), ('per_week__lte', 168)), name='sensitivity_is_sane')],
            },
        ),
        migrations.CreateModel(
            name='Training',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('why', models.CharField(choices=[('first', 'first'), ('day', 'day'), ('weekly', 'weekly'), ('regime', 'regime'), ('asked', 'asked'), ('thresholds', 'thresholds')], max_length=20)),
                ('due_at', models.DateTimeField(db_index=True)),
                ('span_from', models.BigIntegerField(default=0, help_text='Nothing older is learnt from, milliseconds.')),
                ('state', models.CharField(choices=[('due', 'due'), ('running', 'running'), ('done', 'done'), ('refused', 'refused'), ('failed', 'failed')], default='due', max_length=10)),
                ('progress', models.FloatField(default=0.0, help_text='From 0 to 1.')),
                ('said', models.CharField(blank=True, max_length=300)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('began_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('server', models.ForeignKey(help_text='Empty: of the fleet.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('due', 'running'))), fields=('server', 'why'), name='one_standing_training'), models.UniqueConstraint(condition=models.Q(('server', None), ('state__in', ('due', 'running'))), fields=('why',), name='one_standing_training_of_the_fleet')],
            },
        ),
        migrations.CreateModel(
            name='Watch',
            fields=[
                ('server', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='servers.server')),
                ('since', models.BigIntegerField(help_text='First sample from which it is learnt, milliseconds.')),
                ('full_at', models.BigIntegerField(help_text='From when on it may alert, milliseconds.', null=True)),
                ('threshold', models.FloatField(default=2.0, help_text='The combined tail that is a score of 1.')),
                ('threshold_at', models.DateTimeField(null=True)),
                ('maxima', models.BinaryField(default=b'', help_text='Hours since 1970 and the largest tail in each: see ml.hours.')),
                ('silent', models.BooleanField(default=False, help_text='It says nothing, which is unusual by itself.')),
                ('score', models.FloatField(help_text='While it is learnt: nobody is told, so no series has it.', null=True)),
                ('rate', models.FloatField(help_text='The same of the share of metrics, in per cent.', null=True)),
                ('at', models.BigIntegerField(default=0, help_text='When that was, milliseconds.')),
                ('said', models.CharField(blank=True, help_text='Why nothing could be learnt yet.', max_length=300)),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='ml.modelversion')),
                ('top', models.JSONField(default=list, help_text='While the score is high: what is to blame, as of an episode.')),
                ('top_at', models.BigIntegerField(default=0, help_text='Of which sample that was said, milliseconds.')),
                ('fresh', models.BinaryField(default=b'', help_text='How rare scores of this version were lately: made each night.')),
                ('fresh_at', models.DateTimeField(help_text='When a night last looked at it.', null=True)),
                ('crept', models.JSONField(default=list, help_text='At most five that crept away since they were learnt: column, strays, was and now.')),
            ],
        ),
        migrations.CreateModel(
            name='Episode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('began_at', models.DateTimeField()),
                ('last_at', models.DateTimeField(help_text='The last moment in it that was unusual.')),
                ('ended_at', models.DateTimeField(db_index=True, null=True)),
                ('peak', models.FloatField(help_text='The highest score in it; 1 is the limit.')),
                ('peak_at', models.DateTimeField()),
                ('top', models.JSONField(default=list, help_text='At most five: column, share, z, low, high (what is usual) and value, at the peak.')),
                ('version', models.PositiveIntegerField(help_text='The number of the model that judged.')),
                ('silent', models.BooleanField(default=False, help_text='The server said nothing: no metric is to blame.')),
                ('level', models.FloatField(default=0.0, help_text='The mean score of the last hours, to see that it is steady.')),
                ('asked_at', models.DateTimeField(help_text='When it had lasted so long that one asks: new normal?', null=True)),
                ('answer', models.CharField(blank=True, choices=[('', 'open'), ('normal', 'normal'), ('not_normal', 'not normal')], default='', max_length=10)),
                ('answered_at', models.DateTimeField(null=True)),
                ('answered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'indexes': [models.Index(fields=['server', 'began_at'], name='episodes_of_a_server')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('server',), name='one_open_episode')],
            },
        ),
        migrations.CreateModel(
            name='Sizing',
            fields=[
                ('server', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='servers.server')),
                ('state', models.CharField(help_text='idle, overloaded, fits or not_enough.', max_length=20)),
                ('figures', models.JSONField(default=dict, help_text='Typical and busiest per cent of processor and memory.')),
                ('at', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Crossing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('metric', models.CharField(max_length=200)),
                ('labels', models.TextField(blank=True)),
                ('limit', models.FloatField()),
                ('at', models.BigIntegerField(help_text='Milliseconds.')),
                ('said', models.JSONField(default=list, help_text='A day each: [ms, seconds left, low, high].')),
                ('error', models.FloatField(help_text='Share by which the last forecast of at least a day was off.', null=True)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'indexes': [models.Index(fields=['server', 'at'], name='crossings_of_a_server')],
            },
        ),
        migrations.CreateModel(
            name='DiskRisk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('device', models.CharField(max_length=200)),
                ('state', models.CharField(help_text='low, raised or high.', max_length=20)),
                ('score', models.FloatField(help_text="The model's figure; it orders disks and is no probability.")),
                ('evidence', models.JSONField(default=list, help_text='Counters above nothing: [metric, value, change in 30 days].')),
                ('by', models.CharField(help_text='model or rule: what could be asked with what the disk tells.', max_length=20)),
                ('at', models.BigIntegerField()),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('server', 'device'), name='one_risk_of_a_disk')],
            },
        ),
        migrations.CreateModel(
            name='Forecast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('metric', models.CharField(max_length=200)),
                ('labels', models.TextField(blank=True, help_text='Canonical text, as metrics.names writes it.')),
                ('state', models.CharField(choices=[('predictable', 'predictable'), ('unclear', 'unclear'), ('not_predictable', 'not_predictable'), ('never', 'never'), ('not_enough', 'not_enough')], max_length=20)),
                ('reason', models.CharField(blank=True, help_text='Why there is no time: a word of ml.forecast.', max_length=40)),
                ('value', models.FloatField(null=True)),
                ('limit', models.FloatField(null=True)),
                ('per_day', models.FloatField(help_text='Growth a day.', null=True)),
                ('seconds_left', models.FloatField(null=True)),
                ('seconds_low', models.FloatField(help_text='One in ten ends earlier.', null=True)),
                ('seconds_high', models.FloatField(help_text='One in ten ends later; null: it may not end.', null=True)),
                ('chances', models.JSONField(default=dict, help_text='By horizon: the probability that the limit is met in it.')),
                ('error', models.FloatField(help_text='Share by which its own past forecasts were off.', null=True)),
                ('span_from', models.BigIntegerField(default=0, help_text='Since when its pace is told, milliseconds.')),
                ('at', models.BigIntegerField(help_text='When this was said, milliseconds.')),
                ('said', models.JSONField(default=list, help_text='A day each: [ms, seconds left, low, high].')),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
                ('scored', models.PositiveSmallIntegerField(default=0, help_text='How many of them the error is the middle of.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('server', 'metric', 'labels'), name='one_forecast_of_a_thing')],
            },
        ),
        migrations.CreateModel(
            name='Risk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('horizon', models.CharField(choices=[('hour', 'hour'), ('day', 'day'), ('two_weeks', 'two_weeks')], max_length=10)),
                ('state', models.CharField(help_text='low, raised, high, met or not_enough.', max_length=20)),
                ('percent', models.FloatField(null=True)),
                ('evidence', models.JSONField(default=list, help_text='The worst first: kind, metric, labels and figures.')),
                ('at', models.BigIntegerField()),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('server', 'horizon'), name='one_risk_of_a_horizon')],
            },
        ),
        migrations.CreateModel(
            name='Card',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('version', models.PositiveIntegerField(help_text='The number of the model that was measured.')),
                ('measured_at', models.DateTimeField()),
                ('span_from', models.BigIntegerField(help_text='First row that was measured on, milliseconds.')),
                ('span_to', models.BigIntegerField(help_text='Last row that was measured on, milliseconds.')),
                ('threshold', models.FloatField()),
                ('counts', models.JSONField(default=dict, help_text='What ml.card counts: by family of metrics and kind of fault.')),
                ('f1', models.FloatField(null=True)),
                ('fpr', models.FloatField(help_text='Share of calm points with an alarm.', null=True)),
                ('may_page', models.BooleanField(default=False, help_text='Good enough for alarms that page somebody.')),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'indexes': [models.Index(fields=['day'], name='ml_card_day_33211c_idx')],
                'constraints': [models.UniqueConstraint(fields=('server', 'day'), name='one_card_a_night')],
            },
        ),
    ]
