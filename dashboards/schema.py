"""What the API's description says of each way to prove who asks; the generator finds these by name."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

Scheme = dict[str, Any]


class Token(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.auth.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> Scheme:
        return {"type": "http", "scheme": "bearer", "description": "An API token: Authorization: Bearer wkt_…"}


class Session(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.auth.PageSession"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> Scheme:
        text = "The browser's own session; what changes something also needs X-CSRFToken. Over https: __Host-session."
        return {"type": "apiKey", "in": "cookie", "name": "session", "description": text}


class AgentKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "ingest.api.AgentAuthentication"
    name = "agent"

    def get_security_definition(self, auto_schema: AutoSchema) -> Scheme:
        return {"type": "http", "scheme": "bearer", "description": "An agent's key: Authorization: Bearer wka_…"}
