"""A server that answers with the exchanges of tests/protocols, whose README has their form."""

import html
import json
import re
import tomllib
import uuid
from dataclasses import dataclass
from functools import cache

from harness import ROOT
from replay import Quiet

PROTOCOLS = ROOT / "tests" / "protocols"
MARK = re.compile(r"⟦([^⟧]*)⟧")
FURIOUS = "I am furious, where is my order?"
CALM = "How do I change the address?"
# What names the conversation in a request: in one that goes on, undertone says less.
CONVERSATION = re.compile(r'(?<=")u1(?=")|6f9c1c0e(?=-)|conv-77|ctx-c295|th-91|chat-7Hq2|(?<=sessions/)[^/"]+|(?<=converse/)user1')
OPENER = "What a fantastic question, and I'm so incredibly excited to help you with it! "


class Message:
    """A request or a reply, as the file has it."""

    def __init__(self, text: str) -> None:
        head, _, self.body = text.partition("\n\n")
        self.first, *fields = head.rstrip("\n").split("\n")
        self.headers = dict(field.split(": ", 1) for field in fields)
        kind = self.headers.get("content-type", "")
        self.is_stream = any(stream in kind for stream in ("text/event-stream", "ndjson", "jsonl"))

    def bytes(self, text: str, *, crlf: bool = False) -> bytes:
        text = text if self.is_stream else text.removesuffix("\n")
        text = text.replace("\n", "\r\n") if crlf else text
        return b"\xff".join(part.encode() for part in text.split("□"))


@dataclass(frozen=True)
class Exchange:
    cell: str
    settled: str
    request: Message
    reply: Message
    crlf: bool
    cut: bool

    @property
    def path(self) -> str:
        """Where it is asked, in a conversation of its own."""
        return CONVERSATION.sub(uuid.uuid4().hex, self.request.first.partition(" ")[2])

    def sent(self, turn: str) -> str:
        """What is asked, in a conversation of its own, with another furious turn or a calm one."""
        return CONVERSATION.sub(uuid.uuid4().hex, self.request.body).replace(FURIOUS, turn)

    def asked(self, turn: str) -> dict:
        return json.loads(self.sent(turn))

    @property
    def body(self) -> bytes:
        """What the bot sends."""
        return self.reply.bytes(MARK.sub(r"\1", self.reply.body), crlf=self.crlf)

    @property
    def toned_down(self) -> bytes:
        """What the bot sends, without the words that must go."""
        return self.reply.bytes(MARK.sub("", self.reply.body), crlf=self.crlf)

    def said(self, through: bytes) -> set[str]:
        """What has come into each mark; fails if any other byte is not the bot's."""
        pieces = self.reply.bytes(MARK.sub("\0", self.reply.body), crlf=self.crlf).split(b"\0")
        found = re.fullmatch(b"([^{]{1,300}?)".join(map(re.escape, pieces)), through, re.DOTALL)
        assert found, f"more than an insertion:\n direct  {self.body!r}\n through {through!r}"
        # In SSML the sentence is escaped.
        return {html.unescape(sentence.decode()) for sentence in found.groups()}

    @property
    def chunks(self) -> list[bytes] | None:
        """The body an event or a line at a time; None where it comes in one piece."""
        # Gemini's stream without events is one array, and its media type does not say so.
        if not self.reply.is_stream and ":streamGenerateContent" not in self.path:
            return None
        body = self.body
        events = re.split(rb"(?<=\n\n)|(?<=\n\r\n)", body)
        return [chunk for chunk in (events if len(events) > 1 else body.splitlines(keepends=True)) if chunk]


@cache
def exchanges(protocol: str) -> dict[str, Exchange]:
    file = tomllib.loads((PROTOCOLS / f"{protocol}.toml").read_text(encoding="utf-8"))

    def read(of: dict) -> Exchange:
        request, reply = Message(of["request"]), Message(of["reply"])
        return Exchange(of["cell"], of["settled"], request, reply, of.get("crlf", False), of.get("cut", False))

    return {of["name"]: read(of) for of in file["exchange"]}


def protocols() -> list[str]:
    """All but the ones that have to be described."""
    return sorted(path.stem for path in PROTOCOLS.glob("*.toml") if not path.stem.startswith("custom"))


def exchange(name: str) -> Exchange:
    """The exchange that is called `protocol/name`."""
    protocol, _, of = name.partition("/")
    return exchanges(protocol)[of]


def names(cell: str, *protocols: str, settled: str = "", stream: bool | None = None) -> list[str]:
    """`protocol/name` for every exchange of the protocols that is in this cell of the table, and is settled so."""
    return [
        f"{protocol}/{name}"
        for protocol in protocols
        for name, of in exchanges(protocol).items()
        if of.cell == cell and settled in of.settled and stream in (None, of.chunks is not None)
    ]


class Fixtures(Quiet):
    """Answers with the exchange that the request's `x-exchange` names, or its bearer token where a client takes no headers."""

    def do_POST(self):
        self.read_body()
        name = self.headers["x-exchange"] or self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.answer(exchange(name))

    def do_GET(self):
        # Flowise's client asks that before it asks for a stream.
        assert self.path.startswith("/api/v1/chatflows-streaming/"), self.path
        data = json.dumps({"isStreaming": True}).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, of: Exchange) -> None:
        self.send_response_only(int(of.reply.first))
        for field in of.reply.headers.items():
            if field[0] != "content-length":
                self.send_header(*field)
        if of.cut:
            self.close_connection = True
        if of.chunks is None:
            self.send_header("Content-Length", str(len(of.body) + of.cut))
            self.end_headers()
            self.wfile.write(of.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in of.chunks:
            self.chunk(chunk)
        if not of.cut:
            self.wfile.write(b"0\r\n\r\n")
