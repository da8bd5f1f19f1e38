"""Starts the servers, asks them what scenarios.py says, and writes tests/fixtures/*.har. Run by ./record."""

import contextlib
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import har
import scenarios
import wire

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
FIXTURES = ROOT / "tests" / "fixtures"
TARGET = ROOT / "target"
# Fixed, so that recording again changes as little as possible; litellm.yaml names aimock's.
LITELLM_PORT, AIMOCK_PORT, CUSTOM_PORT = 4401, 4402, 4403


@contextlib.contextmanager
def server(name: str, command: list[str], port: int, ready_path: str, env: dict[str, str] | None = None):
    """Runs a server until the block ends; ready when it answers `ready_path` at all."""
    log = TARGET / f"record-{name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | (env or {}), cwd=TARGET, start_new_session=True
        )
    try:
        until = time.monotonic() + 120
        while True:
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{name} did not start; its log: {log}\n{log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError):
                wire.exchange(port, "GET", ready_path, [("Host", f"127.0.0.1:{port}"), ("Connection", "close")], b"")
                break
            time.sleep(0.2)
        print(f"   {name} is up on port {port}", flush=True)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def pairs(items) -> list[dict]:
    return [{"name": name, "value": value} for name, value in items]


def record(port: int, ask: scenarios.Ask) -> dict:
    """One exchange, as a HAR entry."""
    text = ask.body if isinstance(ask.body, str) else "" if ask.body is None else json.dumps(ask.body, ensure_ascii=False)
    body = text.encode()
    headers = [("Host", f"127.0.0.1:{port}"), ("User-Agent", scenarios.USER_AGENT)]
    headers += ask.headers or [("Accept", "application/json")]
    if body:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    started = datetime.now(UTC)
    reply, head_size = wire.exchange(port, ask.method, ask.path, headers, body)
    if reply.status != ask.expect:
        raise SystemExit(f"{ask.name}: expected {ask.expect}, got {reply.status}: {reply.body[:500]!r}")

    request = {
        "method": ask.method,
        "url": f"http://127.0.0.1:{port}{ask.path}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs(headers),
        "queryString": pairs(parse_qsl(urlsplit(ask.path).query, keep_blank_values=True)),
        "headersSize": head_size,
        "bodySize": len(body),
    }
    if body:
        request["postData"] = {"mimeType": "application/json", "text": text}
    response = {
        "status": reply.status,
        "statusText": reply.reason,
        "httpVersion": reply.version,
        "cookies": [],
        "headers": pairs(reply.headers),
        "content": har.content(reply.body, reply.header("content-type") or ""),
        "redirectURL": reply.header("location") or "",
        "headersSize": reply.head_size,
        "bodySize": len(reply.body),
    }
    if reply.chunks is not None:
        response["_chunks"] = reply.chunks
    if har.body_of(response["content"]) != reply.body:
        raise SystemExit(f"{ask.name}: the HAR does not hold the bytes received")
    return {
        "_name": ask.name,
        "_affect": ask.affect,
        "startedDateTime": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "time": round(reply.send_ms + reply.wait_ms + reply.receive_ms, 3),
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": reply.send_ms, "wait": reply.wait_ms, "receive": reply.receive_ms},
        "serverIPAddress": "127.0.0.1",
    }


def wanted(*names: str) -> list[str]:
    """Those of the files that are to be recorded: all, or the ones named on the command line."""
    return [name for name in names if not sys.argv[1:] or name in sys.argv[1:]]


def write(name: str, source: str, port: int, asks: list[scenarios.Ask]) -> None:
    if not wanted(name):
        return
    document = {
        "log": {
            "version": "1.2",
            "creator": {"name": "undertone scripts/record/record", "version": "1"},
            "comment": f"Recorded from {source}. User turns written for this recording.",
            "entries": [record(port, ask) for ask in asks],
        }
    }
    path = FIXTURES / f"{name}.har"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    # What counts is the file as it will be read, not the object it was made of.
    if found := har.problems(json.loads(path.read_bytes())):
        raise SystemExit(f"{path}: not HAR 1.2, or not byte-exact:\n" + "\n".join(found))
    print(f"   {path.relative_to(ROOT)}: {len(asks)} exchanges, bytes verified", flush=True)


def main() -> None:
    FIXTURES.mkdir(parents=True, exist_ok=True)
    aimock_home = TARGET / "record-npm" / "node_modules" / "@copilotkit" / "aimock"
    aimock_version = json.loads((aimock_home / "package.json").read_text())["version"]
    aimock = f"aimock, npm @copilotkit/aimock {aimock_version}, on Node.js {subprocess.check_output(['node', '--version'], text=True).strip()}"
    custom = f"undertone's own scripts/record/custom_bot.py, on Python {platform.python_version()}: not a product of anyone else"

    aimock_command = ["node", str(aimock_home / "dist" / "cli.js"), "--port", str(AIMOCK_PORT), "--fixtures", str(HERE / "aimock.json"),
                      "--chunk-size", "8", "--latency", "2", "--log-level", "warn"]
    litellm_command = [str(Path(sys.executable).with_name("litellm")), "--config", str(HERE / "litellm.yaml"),
                       "--host", "127.0.0.1", "--port", str(LITELLM_PORT)]
    # No price list from the network, no telemetry, and no key: it listens on the loopback interface for a minute.
    litellm_env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False",
                   "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}

    with server("custom-bot", [sys.executable, str(HERE / "custom_bot.py"), str(CUSTOM_PORT)], CUSTOM_PORT, "/"):
        write("custom-plain", custom, CUSTOM_PORT, scenarios.CUSTOM_PLAIN)
        write("custom-sse", custom, CUSTOM_PORT, scenarios.CUSTOM_SSE)
        write("custom-ndjson", custom, CUSTOM_PORT, scenarios.CUSTOM_NDJSON)
    with server("aimock", aimock_command, AIMOCK_PORT, "/health"):
        write("aimock-plain", aimock, AIMOCK_PORT, scenarios.AIMOCK_PLAIN)
        write("aimock-stream", aimock, AIMOCK_PORT, scenarios.AIMOCK_STREAM)
        write("aimock-responses", aimock, AIMOCK_PORT, scenarios.AIMOCK_RESPONSES)
        write("aimock-responses-stream", aimock, AIMOCK_PORT, scenarios.AIMOCK_RESPONSES_STREAM)
        if not wanted("litellm-plain", "litellm-stream", "litellm-untouched"):
            return
        litellm = f"LiteLLM's proxy, PyPI litellm[proxy] {importlib.metadata.version('litellm')}, on uvicorn {importlib.metadata.version('uvicorn')}"
        with server("litellm", litellm_command, LITELLM_PORT, "/health/liveliness", litellm_env):
            relay = litellm + f" (entries named `relayed...`: in front of {aimock})"
            write("litellm-plain", relay, LITELLM_PORT, scenarios.LITELLM_PLAIN + scenarios.LITELLM_TOOLS)
            write("litellm-stream", relay, LITELLM_PORT, scenarios.LITELLM_STREAM)
            write("litellm-untouched", relay, LITELLM_PORT, scenarios.LITELLM_UNTOUCHED)


if __name__ == "__main__":
    main()
