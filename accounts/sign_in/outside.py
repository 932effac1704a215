"""What the provider is asked goes through the one client for what we send out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from core import outgoing

TIMEOUT = 10.0
MOST = 512 << 10  # key sets of large providers
OURS = {"host", "content-length", "connection", "transfer-encoding", "accept-encoding"}


class _Carrier(BaseAdapter):
    """The provider's own host is trusted, as it stands in the environment; others it names must be public."""

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        url = str(request.url)
        body = request.body if isinstance(request.body, str | bytes) else b""
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() not in OURS}
        try:
            answer = outgoing.request(
                str(request.method),
                url,
                body=body.encode() if isinstance(body, str) else body,
                headers=headers,
                timeout=TIMEOUT,
                trusted=urlsplit(url).hostname == urlsplit(settings.OIDC_ORIGIN).hostname,
                allow_private=settings.ENV.outgoing_allow,
                max_answer=MOST,
            )
        except (outgoing.Refused, outgoing.Unreachable) as fault:
            raise requests.ConnectionError(str(fault)) from fault
        return _answered(request, answer)

    def close(self) -> None:
        """Nothing is held."""


def _answered(request: requests.PreparedRequest, answer: outgoing.Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response._content = answer.body
    response.encoding = "utf-8"
    response.url, response.request = str(request.url), request
    return response


def sign_out_address() -> str:
    """Where the provider ends its own session; empty where it offers none, or does not answer."""
    try:
        with session() as asking:
            said = asking.get(f"{settings.OIDC.issuer.rstrip('/')}/.well-known/openid-configuration").json()
            found = str(said.get("end_session_endpoint") or "")
    except (requests.RequestException, ValueError, AttributeError):
        return ""
    safe = urlsplit(found).scheme == "https" or found.startswith(f"{settings.OIDC_ORIGIN}/")
    return found if safe else ""


def session() -> requests.Session:
    """Without proxies, cookies or keys of the machine's own; redirects are not followed with our secret."""
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = 3
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Carrier())
    return made
