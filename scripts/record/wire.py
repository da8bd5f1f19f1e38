"""One HTTP/1.1 exchange over a bare socket, so that what is recorded is what was on the wire.

A client library would hide where the server ended its chunks, and adds request headers of its own.
"""

import socket
import time
from dataclasses import dataclass, field


@dataclass
class Reply:
    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    head_size: int
    body: bytes = b""
    chunks: list[int] | None = None  # None where the reply was not chunked
    wait_ms: float = 0.0
    receive_ms: float = 0.0
    send_ms: float = 0.0

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass
class _Reader:
    connection: socket.socket
    buffer: bytearray = field(default_factory=bytearray)

    def _more(self) -> bool:
        data = self.connection.recv(65536)
        self.buffer += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        while (at := self.buffer.find(mark)) < 0:
            if not self._more():
                raise ConnectionError(f"closed before {mark!r}")
        return self.take(at + len(mark))

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self._more():
                raise ConnectionError(f"closed {count - len(self.buffer)} bytes early")
        return self.take(count)

    def rest(self) -> bytes:
        while self._more():
            pass
        return self.take(len(self.buffer))

    def take(self, count: int) -> bytes:
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken


def exchange(port: int, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> tuple[Reply, int]:
    """Sends one request and reads its reply; also says how many bytes the request's head had."""
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        started = time.monotonic()
        connection.sendall(head.encode("latin-1") + body)
        sent = time.monotonic()
        reader = _Reader(connection)
        reply = _read_head(reader)
        headed = time.monotonic()
        if method != "HEAD" and reply.status not in (204, 304):
            _read_body(reader, reply)
        done = time.monotonic()
    reply.send_ms, reply.wait_ms, reply.receive_ms = (
        round(span * 1000, 3) for span in (sent - started, headed - sent, done - headed)
    )
    return reply, len(head)


def _read_head(reader: _Reader) -> Reply:
    raw = reader.until(b"\r\n\r\n")
    status_line, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    version, status, reason = (status_line.split(" ", 2) + [""])[:3]
    headers = [(name, value.strip(" \t")) for name, value in (line.split(":", 1) for line in lines)]
    return Reply(version, int(status), reason, headers, len(raw))


def _read_body(reader: _Reader, reply: Reply) -> None:
    if (reply.header("transfer-encoding") or "").lower() == "chunked":
        pieces = []
        while size := int(reader.until(b"\r\n").split(b";")[0], 16):
            pieces.append(reader.exactly(size))
            reader.exactly(2)
        while reader.until(b"\r\n") != b"\r\n":
            pass  # trailers: none of the servers recorded sends any
        reply.chunks, reply.body = [len(piece) for piece in pieces], b"".join(pieces)
    elif (length := reply.header("content-length")) is not None:
        reply.body = reader.exactly(int(length))
    else:
        reply.body = reader.rest()
