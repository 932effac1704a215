"""Addresses below /agent/."""

from __future__ import annotations

from django.urls import path

from servers.install import views

urlpatterns = [
    path("install.sh", views.install_script, name="agent-install"),
    path("bundle.tar.gz", views.bundle_archive, name="agent-bundle"),
    path("ca.pem", views.authority, name="agent-authority"),
]
