"""TLS for our socket, with a word for whoever speaks plain HTTP to it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from core.guard import plain_error, refusals

_BODY = plain_error("https_only", "This address speaks https alone. Write https:// before it, in place of http://.")
ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Hinting(ssl.SSLObject):
    """Answers HTTP as HTTP where a handshake should be; who does not hang up then is ended by its deadline."""

    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    told = False

    def do_handshake(self) -> None:
        if self.told:
            self.incoming.read()  # the rest of it: nobody reads that
            raise ssl.SSLWantReadError
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason != "HTTP_REQUEST":
                raise
            self.told = True
            refusals["https_only"] += 1
            self.outgoing.write(ANSWER)
            raise ssl.SSLWantReadError from error  # has the loop send it


class Context(ssl.SSLContext):
    """Made by a pair of certificate and key."""

    sslobject_class = Hinting

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **named: Any) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, *args, **named)
        if isinstance(made, Hinting):
            made.incoming, made.outgoing = incoming, outgoing
        return made


def context(cert: Path, key: Path) -> Context:
    made = Context(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(cert, key)
    return made
