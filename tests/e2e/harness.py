"""Starting servers, asking them with curl, and taking replies apart. Nothing here knows pytest."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import http_sfv

ROOT = Path(__file__).resolve().parents[2]
UNDERTONE = Path(os.environ.get("UNDERTONE_BIN", ROOT / "target" / "debug" / "undertone"))
CONFIG = Path(__file__).with_name("undertone.toml")
# Further options for every `undertone serve`, such as `--engine rten`.
SERVE_OPTIONS = shlex.split(os.environ.get("UNDERTONE_SERVE_OPTIONS", ""))

CALM = "Where is order 1042?"
FURIOUS = "This is absolutely UNACCEPTABLE!!! You lost my order for the THIRD time and I want my money back NOW!"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass
class Server:
    """A server process and where it listens."""

    name: str
    process: subprocess.Popen
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until_ready(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.said()[-3000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if time.monotonic() > until:
                raise RuntimeError(f"{self.name} does not listen on {self.port}:\n{self.said()[-3000:]}")
            time.sleep(0.05)

    def stop(self) -> int:
        """Asks it to end, and says with which status it did."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise RuntimeError(f"{self.name} did not end 15 s after SIGTERM:\n{self.said()[-3000:]}") from None


@contextlib.contextmanager
def running(name: str, command: list[object], port: int, *, seconds: float = 60, env: dict[str, str] | None = None) -> Iterator[Server]:
    """Runs `command` until the block ends."""
    directory = Path(tempfile.mkdtemp(prefix=f"undertone-e2e-{name}-"))
    log = directory / "log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=os.environ | (env or {}), cwd=directory, start_new_session=True,
        )
    server = Server(name, process, port, log)
    try:
        server.wait_until_ready(seconds)
        yield server
    finally:
        if process.poll() is None:
            server.stop()
    # Only where all went well: the log of what did not is worth keeping.
    shutil.rmtree(directory)


def undertone(upstream: str, *options: object, config: Path | None = CONFIG) -> contextlib.AbstractContextManager[Server]:
    """`undertone serve` in front of `upstream`."""
    port = free_port()
    settings = ["--config", config] if config else []
    command = [UNDERTONE, "serve", "--upstream", upstream, "--listen", f"127.0.0.1:{port}", *settings, *SERVE_OPTIONS, *options]
    return running("undertone", command, port)


@dataclass
class Answer:
    """What curl received."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def events(self) -> list[dict]:
        return events(self.body)

    @property
    def undertone(self) -> "Said":
        return Said.read(self.header("undertone"))


def curl(url: str, body: object = None, *options: str, stream: bool = False, method: str | None = None) -> Answer:
    """One request with the curl that is installed; a str is sent as it is, anything else as JSON."""
    with tempfile.TemporaryDirectory(prefix="undertone-e2e-curl-") as directory:
        head, out, sent = (Path(directory) / name for name in ("head", "out", "sent"))
        command = ["curl", "-sS", "--max-time", "60", "--noproxy", "*", "-D", str(head), "-o", str(out)]
        if stream:
            command.append("-N")
        if body is not None:
            sent.write_text(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False), encoding="utf-8")
            command += ["-H", "Content-Type: application/json", "--data-binary", f"@{sent}"]
        if method:
            command += ["-X", method]
        subprocess.run([*command, *options, url], check=True, timeout=90)
        # The last block is the final response: a 100 Continue would have one of its own.
        block = head.read_text(encoding="latin-1").replace("\r\n", "\n").strip().split("\n\n")[-1].split("\n")
        headers = [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in block[1:])]
        return Answer(int(block[0].split(" ")[1]), headers, out.read_bytes() if out.exists() else b"")


@dataclass
class Said:
    """The `undertone` response header: a dictionary of RFC 9651 whose first key is what was done."""

    action: str
    planned: bool
    weight: float | None = None
    rest: dict = field(default_factory=dict)

    @classmethod
    def read(cls, value: str | None) -> "Said":
        assert value, "the reply has no `undertone` header"
        dictionary = http_sfv.Dictionary()
        dictionary.parse(value.encode())
        members = dict(dictionary.items())
        action, item = next(iter(members.items()))
        assert item.value is True, f"the first member of `{value}` is what was done, without a value"
        weight = float(members["weight"].value) if "weight" in members else None
        assert weight is None or 0 <= weight <= 1, value
        return cls(action, bool(item.params.get("planned")), weight, {k: str(v.value) for k, v in members.items()})


def events(body: bytes) -> list[dict]:
    """The JSON of each server-sent event, `[DONE]` left out. The servers tested write one `data` line an event."""
    lines = [line[5:].strip() for line in body.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def settled(body: bytes) -> bytes:
    """The body with what differs between two equal answers made equal: the id and the time."""
    body = re.sub(rb'("id"\s*:\s*)"chatcmpl-[^"]*"', rb'\1"chatcmpl-X"', body)
    return re.sub(rb'("created"\s*:\s*)\d+', rb"\g<1>0", body)


def inserted(direct: bytes, through: bytes) -> bytes:
    """What has to be added to `direct`, at one place, to get `through`; fails if that is not the difference."""
    extra = len(through) - len(direct)
    assert extra >= 0, f"{-extra} bytes of the bot's are missing"
    start = len(os.path.commonprefix([direct, through]))
    assert direct[start:] == through[start + extra:], (
        f"more than an insertion; the replies part at byte {start}:\n direct  {direct[start:start + 200]!r}\n through {through[start:start + 200]!r}"
    )
    return through[start:start + extra]


def reply_texts(messages: list[dict]) -> dict[int, str]:
    """The reply's text for each choice of one completion, or of a stream's chunks."""
    texts: dict[int, str] = {}
    for message in messages:
        for choice in message.get("choices", []):
            piece = (choice.get("delta") or choice.get("message") or {}).get("content")
            texts[choice["index"]] = texts.get(choice["index"], "") + (piece or "")
    return texts


def without_text(value: object) -> object:
    """The JSON with every reply text blanked: what must be the same with and without undertone."""
    if isinstance(value, list):
        return [without_text(item) for item in value]
    if isinstance(value, dict):
        return {k: "" if k == "content" and isinstance(v, str) else without_text(v) for k, v in value.items()}
    return value


def chat(model: str, turn: str, **more) -> dict:
    return {"model": model, "messages": [{"role": "user", "content": turn}], **more}


def acknowledged(direct: str, through: str) -> str:
    """The acknowledgment in front of the bot's own text, or of its first words: there, once, and nothing else changed."""
    words = direct.lstrip()
    space = direct.removesuffix(words)
    if through.endswith(direct):
        acknowledgment = through.removesuffix(direct).strip()
    else:
        whole = words and through.startswith(space) and through.endswith(words)
        assert whole, f"the bot's words are not whole:\n direct  {direct!r}\n through {through!r}"
        acknowledgment = through.removeprefix(space).removesuffix(words).strip()
    assert acknowledgment, f"nothing was said to a furious turn: {through!r}"
    assert through.count(acknowledgment) == 1, through
    return acknowledgment
