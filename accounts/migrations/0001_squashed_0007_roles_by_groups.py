"""The tables as they are, for a new database; one that went the old way stays on it."""

from __future__ import annotations

import accounts.limits
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from accounts.migrations._trail import guard


class Migration(migrations.Migration):

    replaces = [('accounts', '0001_initial'), ('accounts', '0002_audit'), ('accounts', '0003_people'), ('accounts', '0004_sign_in'), ('accounts', '0005_limits_and_trail'), ('accounts', '0006_names'), ('accounts', '0007_roles_by_groups')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('require_second_factor', models.BooleanField(default=False, help_text='Members without a second factor must set one up before they see anything.')),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                ('language', models.CharField(blank=True, choices=[('', 'Browser'), ('en', 'English'), ('pt-br', 'Português (Brasil)'), ('da', 'Dansk')], help_text="Empty: the browser's.", max_length=10)),
                ('simple', models.BooleanField(default=False, help_text='Plain words and fewer numbers on every page.')),
                ('single_keys', models.BooleanField(default=True, help_text='Keys such as a and j act without Ctrl.')),
                ('theme', models.CharField(blank=True, choices=[('', 'System'), ('dark', 'Dark'), ('light', 'Light')], max_length=6)),
                ('zone', models.CharField(blank=True, help_text="Such as Europe/Copenhagen; empty: the browser's.", max_length=64)),
            ],
            options={
                'verbose_name': 'person',
                'verbose_name_plural': 'people',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('key', models.CharField(help_text='The public part, as in wkt_<key>.<secret>.', max_length=24, unique=True)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('scopes', models.JSONField(default=list, help_text='"all", or a list such as servers:read, rules:write.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to=settings.AUTH_USER_MODEL)),
                ('selector', models.CharField(blank=True, help_text='Only these servers, such as tag:db.', max_length=500)),
            ],
            options={
                'verbose_name': 'API token',
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('operator', 'Operator'), ('manager', 'Manager'), ('admin', 'Admin')], max_length=20)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='accounts.team')),
                ('selector', models.CharField(blank=True, help_text='Only these servers, such as tag:db.', max_length=500)),
                ('by_groups', models.BooleanField(default=False, help_text='Given by groups of the sign-in service, and taken so.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('team', 'user'), name='one_role_in_a_team')],
            },
        ),
        migrations.CreateModel(
            name='Audit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('actor', models.CharField(help_text='Kept as text: it outlives the account.', max_length=254)),
                ('action', models.CharField(help_text='Such as server.change or key.revoke.', max_length=60)),
                ('target', models.CharField(help_text='Its name at that time.', max_length=200)),
                ('target_id', models.CharField(blank=True, db_index=True, max_length=40)),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
                ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.team')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('address', models.GenericIPAddressField(blank=True, null=True)),
                ('over', models.CharField(blank=True, help_text='Page, API or admin; of a token its name.', max_length=100)),
            ],
            options={
                'indexes': [models.Index(fields=['action', '-at'], name='audit_by_action')],
                'verbose_name': 'entry of the audit trail',
                'verbose_name_plural': 'audit trail',
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('operator', 'Operator'), ('manager', 'Manager'), ('admin', 'Admin')], max_length=20)),
                ('selector', models.CharField(blank=True, max_length=500)),
                ('key', models.CharField(editable=False, max_length=24, unique=True)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('accepted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='accounts.team')),
            ],
        ),
        migrations.CreateModel(
            name='UserSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('key', models.CharField(editable=False, max_length=40, unique=True)),
                ('address', models.GenericIPAddressField(blank=True, null=True)),
                ('browser', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('seen_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
            },
        ),
        migrations.CreateModel(
            name='Limit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=accounts.limits.titles, max_length=20, verbose_name='what')),
                ('subject', models.CharField(max_length=200, verbose_name='who')),
                ('count', models.PositiveIntegerField(default=0, verbose_name='tries')),
                ('since', models.DateTimeField(verbose_name='counted since')),
                ('until', models.DateTimeField(blank=True, null=True, verbose_name='must wait until')),
                ('waits', models.PositiveSmallIntegerField(default=0, verbose_name='waits in a row')),
                ('changed_at', models.DateTimeField(auto_now=True, db_index=True, verbose_name='last try')),
            ],
            options={
                'verbose_name': 'limit',
                'verbose_name_plural': 'limits: who must wait',
                'constraints': [models.UniqueConstraint(fields=('kind', 'subject'), name='one_limit_of_a_kind')],
            },
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
