"""Puts our admin in the place of Django's."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class Config(AdminConfig):
    default_site = "core.admin_site.Site"
