"""The addresses of pages about people."""

from __future__ import annotations

from django.urls import path

from accounts.pages import mine, people, teams, trail

urlpatterns = [
    path("me/", mine.profile, name="me"),
    path("me/address/", mine.address, name="my-address"),
    path("me/address/<str:word>/", mine.confirm_address, name="confirm-address"),
    path("me/tokens/", mine.tokens, name="my-tokens"),
    path("me/sessions/", mine.my_sessions, name="my-sessions"),
    path("teams/", teams.teams, name="teams"),
    path("teams/<uuid:uuid>/", teams.team, name="team"),
    path("teams/<uuid:uuid>/audit/", trail.of_team, name="team-audit"),
    path("audit/", trail.everything, name="audit"),
    path("people/", people.people, name="people"),
]
