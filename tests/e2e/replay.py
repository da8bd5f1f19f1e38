"""Servers that misbehave on request: one replays tests/fixtures, one stops in the middle of a stream until told."""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "record"))
import har  # noqa: E402 - the recorder's own reader of the format

FIXTURES = ROOT / "tests" / "fixtures"


@cache
def recorded(file: str) -> dict[str, dict]:
    log = json.loads((FIXTURES / f"{file}.har").read_bytes())["log"]
    return {entry["_name"]: entry for entry in log["entries"]}


def names(*files: str) -> list[str]:
    """`file/entry` for every exchange in the files."""
    return [f"{file}/{entry}" for file in files for entry in recorded(file)]


def entry(name: str) -> dict:
    file, _, of = name.partition("/")
    return recorded(file)[of]


def body(name: str) -> bytes:
    return har.body_of(entry(name)["response"]["content"])


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format, *args):  # noqa: A002 - the base class names it so
        pass

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class Replay(Quiet):
    """Answers with the exchange that the request's `x-fixture` names, in the chunks it was recorded in."""

    def do_POST(self):
        self.read_body()
        name = self.headers["x-fixture"]
        response, data = entry(name)["response"], body(name)
        self.send_response_only(response["status"], response["statusText"])
        for header in response["headers"]:
            if header["name"].lower() not in ("connection", "keep-alive"):
                self.send_header(header["name"], header["value"])
        self.end_headers()
        if "_chunks" not in response:
            self.wfile.write(data)
            return
        for length in response["_chunks"]:
            self.chunk(data[:length])
            data = data[length:]
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST


class Gate:
    """A bot that streams the start of a reply and keeps the rest until the gate is opened."""

    START = ["The ", "parcel ", "is "]
    REST = ["on ", "its ", "way."]

    def __init__(self) -> None:
        self.open = threading.Event()
        self.client_left = threading.Event()

    def handler(gate):  # noqa: N805 - `self` is the request below
        class Handler(Quiet):
            def do_POST(self):
                self.read_body()
                self.send_response_only(200, "OK")
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    for at, piece in enumerate(gate.START):
                        self.event({"role": "assistant", "content": piece} if at == 0 else {"content": piece})
                    while not gate.open.wait(0.05):
                        # A comment is how a server finds out that nobody listens any more.
                        self.chunk(b": waiting\n\n")
                    for piece in gate.REST:
                        self.event({"content": piece})
                    self.event({}, "stop")
                    self.chunk(b"data: [DONE]\n\n")
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    self.close_connection = True
                    gate.client_left.set()

            def event(self, delta: dict, finish_reason: str | None = None) -> None:
                choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
                event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gate", "choices": [choice]}
                self.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

        return Handler


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serves until the block ends; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
