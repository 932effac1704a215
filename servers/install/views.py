"""What a machine fetches to install its agent; none of it is secret, so nobody needs to sign in."""

from __future__ import annotations

from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from servers.install.bundle import bundle
from servers.install.services import own_authority

SCRIPT = Path(__file__).with_name("install.sh")


@require_safe
def install_script(_request: HttpRequest) -> HttpResponse:
    made = bundle()
    text = SCRIPT.read_text(encoding="utf-8")
    text = text.replace("@DIGEST@", made.digest).replace("@PLATFORM@", made.platform)
    return _answer(text.encode(), "text/x-shellscript; charset=utf-8")


@require_safe
def bundle_archive(_request: HttpRequest) -> HttpResponse:
    return _answer(bundle().content, "application/gzip")


@require_safe
def authority(_request: HttpRequest) -> HttpResponse:
    text = own_authority()
    if text is None:
        raise Http404("This hub has no certificate authority of its own.")
    return _answer(text.encode(), "application/x-pem-file")


def _answer(content: bytes, kind: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Cache-Control"] = "no-cache"  # an upgraded hub serves an upgraded agent
    return answer
