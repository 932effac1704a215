"""The addresses of the API about people."""

from __future__ import annotations

from django.urls import path

from accounts.api import mine, owners, teams, trail

urlpatterns = [
    path("me", mine.MeView.as_view(), name="api-me"),
    path("tokens", mine.TokensView.as_view(), name="api-tokens"),
    path("tokens/<uuid:uuid>", mine.TokenView.as_view(), name="api-token"),
    path("sessions", mine.SessionsView.as_view(), name="api-sessions"),
    path("sessions/<uuid:uuid>", mine.SessionView.as_view(), name="api-session"),
    path("teams", teams.TeamsView.as_view(), name="api-teams"),
    path("teams/<uuid:uuid>", teams.TeamView.as_view(), name="api-team"),
    path("teams/<uuid:uuid>/members", teams.MembersView.as_view(), name="api-members"),
    path("teams/<uuid:uuid>/members/<uuid:person>", teams.MemberView.as_view(), name="api-member"),
    path("teams/<uuid:uuid>/invitations", teams.InvitationsView.as_view(), name="api-invitations"),
    path("teams/<uuid:uuid>/invitations/<uuid:invitation>", teams.InvitationView.as_view(), name="api-invitation"),
    path("audit", trail.AuditView.as_view(), name="api-audit"),
    path("accounts", owners.AccountsView.as_view(), name="api-accounts"),
    path("accounts/<uuid:uuid>", owners.AccountView.as_view(), name="api-account"),
    path("accounts/<uuid:uuid>/reset-link", owners.ResetLinkView.as_view(), name="api-reset-link"),
]
