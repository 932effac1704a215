"""The WSGI environment of an ASGI request, strict where a lenient reading lets headers be forged."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from core.guard import CONNECTION, Scope

Environ = dict[str, Any]


class Malformed(ValueError):
    """A request that contradicts itself; its text is the answer's sentence."""


def build(scope: Scope, body: bytes | bytearray, file_wrapper: type) -> Environ:
    server, client = scope.get("server") or ("localhost", 80), scope.get("client")
    prefix = scope.get("root_path", "")
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": prefix.encode().decode("latin1"),
        "PATH_INFO": _path(scope, prefix),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin1"),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 80),
        # Never absent: without an address Django's and our own limits per address would fail open.
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": file_wrapper,
        CONNECTION: (scope.get("state") or {}).get(CONNECTION),
    }
    _add_headers(environ, scope)
    if body or "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        # The length is what came, not what was announced: a chunked body has none, and Django reads no further.
        environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ


def _path(scope: Scope, prefix: str) -> str:
    raw = scope.get("raw_path")
    # The raw path keeps bytes that are no UTF-8; the decoded one has lost them.
    path = unquote_to_bytes(raw) if raw else scope["path"].encode()
    return path.removeprefix(prefix.encode()).decode("latin1")


def _add_headers(environ: Environ, scope: Scope) -> None:
    for raw_name, raw_value in scope["headers"]:
        # X_Forwarded_For would become the same key as X-Forwarded-For; "Proxy" would become HTTP_PROXY.
        if b"_" in raw_name or raw_name == b"proxy":
            continue
        name = raw_name.decode("latin1").upper().replace("-", "_")
        if name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            name = f"HTTP_{name}"
        value = raw_value.decode("latin1")
        if name in environ:
            joint = "; " if name == "HTTP_COOKIE" else ","
            value = f"{environ[name]}{joint}{value}"
        environ[name] = value


def announced(scope: Scope) -> int | None:
    """The announced length of the body; None when there is none to hold the client to."""
    lengths = {value for name, value in scope["headers"] if name == b"content-length"}
    if any(name == b"transfer-encoding" for name, _ in scope["headers"]) or not lengths:
        return None
    text = lengths.pop()
    if lengths or not text.isdigit() or len(text) > 18:
        raise Malformed("The Content-Length header is not one whole number. Send the body's size in bytes.")
    return int(text)
