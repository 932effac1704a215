"""What a machine fetches to install its agent; none of it is secret, so nobody needs to sign in."""

from __future__ import annotations

from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from servers.install import wheels
from servers.install.bundle import Bundle, bundle, bundle_for
from servers.install.services import own_authority

SCRIPT = Path(__file__).with_name("install.sh")
WINDOWS_SCRIPT = Path(__file__).with_name("install.ps1")


@require_safe
def install_script(_request: HttpRequest) -> HttpResponse:
    made = bundle()
    text = SCRIPT.read_text(encoding="utf-8")
    text = text.replace("@DIGEST@", made.digest).replace("@PLATFORM@", made.platform)
    return _answer(text.encode(), "text/x-shellscript; charset=utf-8")


@require_safe
def windows_script(_request: HttpRequest) -> HttpResponse:
    return _answer(WINDOWS_SCRIPT.read_bytes(), "text/plain; charset=utf-8")


@require_safe
def bundle_archive(request: HttpRequest) -> HttpResponse:
    """For the hub's own kind of system, or for `?platform=`."""
    try:
        return _answer(_bundle(request).content, "application/gzip")
    except wheels.Missing as missing:
        return _missing(missing)


@require_safe
def bundle_digest(request: HttpRequest) -> HttpResponse:
    try:
        return _answer(f"{_bundle(request).digest}\n".encode(), "text/plain; charset=utf-8")
    except wheels.Missing as missing:
        return _missing(missing)


def _bundle(request: HttpRequest) -> Bundle:
    wanted = request.GET.get("platform", "")[:64]
    own = bundle()
    if not wanted or own.platform in {f"{wanted}-any", wanted}:
        return own
    return bundle_for(wanted)


def _missing(missing: wheels.Missing) -> HttpResponse:
    """The sentence is for the person who pasted the line."""
    answer = _answer(f"{missing}\n".encode(), "text/plain; charset=utf-8")
    answer.status_code = 404
    return answer


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
