"""A receiver that does as little as one can: it throws the body away and says that it was taken.

    python -m bench.upload.sink [CERTIFICATE]

Prints its port. With a certificate it speaks TLS.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import threading
from contextlib import suppress

BUFFER_BYTES = 1 << 20
BODY = json.dumps({"requestId": "1", "callId": "1"}).encode()
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TAKEN = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


def serve(sock: socket.socket, context: ssl.SSLContext | None) -> None:
    """Take requests on one connection until the other side closes it."""
    buffer = bytearray(BUFFER_BYTES)
    with suppress(OSError), context.wrap_socket(sock, server_side=True) if context else sock as open_sock:
        while (size_bytes := _read_head(open_sock)) is not None:
            while size_bytes > 0:
                size_bytes -= open_sock.recv_into(buffer, min(BUFFER_BYTES, size_bytes))
            open_sock.sendall(TAKEN % (len(BODY), BODY))


def _read_head(sock: socket.socket) -> int | None:
    """Read a request up to its body; give how much of that is to come, None at the end of the connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        block = sock.recv(1 << 16)
        if not block:
            return None
        head += block
    head, _, begun = head.partition(b"\r\n\r\n")
    if b"100-continue" in head.lower():
        sock.sendall(CONTINUE)
    found = re.search(rb"(?i)content-length: *([0-9]+)", head)
    return int(found[1]) - len(begun) if found else 0


def main() -> None:
    """Listen on a free port of this machine."""
    context = None
    if sys.argv[1:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, context), daemon=True).start()


if __name__ == "__main__":
    main()
