"""A real HTTP server on this machine that sends one file, and can be told to do it badly."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FILE = random.Random(8).randbytes(300_000)
SHA256 = hashlib.sha256(FILE).hexdigest()


@dataclass
class Faults:
    """What the server does. `cut` ends a body there; `status` and `headers` replace its own."""

    body: bytes = FILE
    etag: str | None = '"first"'
    cut: int | None = None
    ranges: bool = True
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    length: bool = True
    slow: Callable[[Any], None] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0


@contextmanager
def serving(faults: Faults, context: Any = None) -> Iterator[str]:
    """The address of a server that behaves like `faults`, over TLS with an `ssl.SSLContext`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            faults.asked.append(dict(self.headers.items()))
            start, status = 0, 200
            wanted = self.headers.get("Range")
            if wanted and faults.ranges and self.headers.get("If-Range") == faults.etag:
                start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            body = faults.body[start:]
            said = {"Content-Length": str(len(body)), "Content-Type": "application/octet-stream"}
            if status == 206:
                said["Content-Range"] = f"bytes {start}-{len(faults.body) - 1}/{len(faults.body)}"
                if start >= len(faults.body):
                    status, body = 416, b""
                    said |= {"Content-Range": f"bytes */{len(faults.body)}", "Content-Length": "0"}
            if faults.etag:
                said["ETag"] = faults.etag
            said |= faults.headers
            if not faults.length:
                del said["Content-Length"]
            self.send_response(faults.status or status)
            for name, value in said.items():
                self.send_header(name, value)
            self.end_headers()
            if faults.slow:
                faults.slow(self.wfile)
                return
            if faults.cut is not None:
                body = body[: max(0, faults.cut - start)]
            faults.sent += len(body)
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:  # a client that hangs up is what these tests are about
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}/file.pth"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def tunnelling() -> Iterator[tuple[str, list[str]]]:
    """A proxy that does CONNECT for one visitor: its address, and what it was asked."""
    asked: list[str] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                sink.sendall(block)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        visitor, _ = listening.accept()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += visitor.recv(1)
        asked.append(head.decode())
        host, _, port = asked[0].split()[1].rpartition(":")
        server = socket.create_connection((host, int(port)))
        visitor.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=pump, args=(server, visitor), daemon=True)
        back.start()
        pump(visitor, server)
        back.join()
        visitor.close()
        server.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        listening.close()
