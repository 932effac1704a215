"""Addresses below /agent/."""

from __future__ import annotations

from django.urls import path

from servers.install import views

urlpatterns = [
    path("install.sh", views.install_script, name="agent-install"),
    path("install.ps1", views.windows_script, name="agent-install-windows"),
    path("bundle.sha256", views.bundle_digest, name="agent-bundle-digest"),
    path("bundle.tar.gz", views.bundle_archive, name="agent-bundle"),
    path("ca.pem", views.authority, name="agent-authority"),
]
