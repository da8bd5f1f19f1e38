"""HAR 1.2: building entries out of what went over a socket, and checking that a file keeps to the format.

    python3 scripts/record/har.py tests/fixtures/*.har     checks files that are already there

Beyond the format (names beginning with `_` are left to the application by it):
  entry._name               short, unique in the file, for a test to ask for
  entry._affect             what the author of the user's turn meant to show: calm, pleased, worried, ...
  response._chunks          for chunked replies: the bytes in each HTTP chunk, in order, as the server cut them
  response.content._sha256  of the body's bytes, so that a file mangled on the way is noticed
"""

import base64
import hashlib
import json
import re
import sys
from datetime import datetime

REQUIRED = {
    "log": {"version": str, "creator": dict, "entries": list},
    "creator": {"name": str, "version": str},
    "entry": {"startedDateTime": str, "time": (int, float), "request": dict, "response": dict, "cache": dict, "timings": dict},
    "request": {"method": str, "url": str, "httpVersion": str, "cookies": list, "headers": list, "queryString": list,
                "headersSize": int, "bodySize": int},
    "response": {"status": int, "statusText": str, "httpVersion": str, "cookies": list, "headers": list, "content": dict,
                 "redirectURL": str, "headersSize": int, "bodySize": int},
    "content": {"size": int, "mimeType": str},
    "postData": {"mimeType": str, "text": str},
    "timings": {"send": (int, float), "wait": (int, float), "receive": (int, float)},
    "pair": {"name": str, "value": str},
}


def content(body: bytes, mime_type: str) -> dict:
    """A HAR `content`: text where the bytes are UTF-8, base64 where they are not."""
    described = {"size": len(body), "mimeType": mime_type}
    try:
        described["text"] = body.decode("utf-8")
    except UnicodeDecodeError:
        described["text"], described["encoding"] = base64.b64encode(body).decode(), "base64"
    described["_sha256"] = hashlib.sha256(body).hexdigest()
    return described


def body_of(described: dict) -> bytes:
    """The bytes a HAR `content` stands for."""
    if described.get("encoding") == "base64":
        return base64.b64decode(described["text"], validate=True)
    return described.get("text", "").encode("utf-8")


def problems(har: dict) -> list[str]:
    """Everything that keeps `har` from being HAR 1.2, or from being byte-exact."""
    found: list[str] = []

    def shape(kind: str, value, where: str) -> bool:
        if not isinstance(value, dict):
            found.append(f"{where}: not an object")
            return False
        missing = [name for name in REQUIRED[kind] if name not in value]
        wrong = [name for name, types in REQUIRED[kind].items() if name in value and not isinstance(value[name], types)]
        found.extend(f"{where}.{name}: required by HAR 1.2 and missing" for name in missing)
        found.extend(f"{where}.{name}: wrong type" for name in wrong)
        return not missing and not wrong

    if not shape("log", har.get("log"), "log"):
        return found
    log = har["log"]
    shape("creator", log["creator"], "log.creator")
    if log["version"] != "1.2":
        found.append(f"log.version: {log['version']}")
    names = [entry.get("_name") for entry in log["entries"]]
    found.extend(f"two entries named {name}" for name in set(names) if names.count(name) > 1)
    for number, entry in enumerate(log["entries"]):
        where = f"entries[{number}]"
        if not shape("entry", entry, where):
            continue
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)", entry["startedDateTime"]):
            found.append(f"{where}.startedDateTime: {entry['startedDateTime']}")
        else:
            datetime.fromisoformat(entry["startedDateTime"])
        shape("timings", entry["timings"], f"{where}.timings")
        for side in ("request", "response"):
            if shape(side, entry[side], f"{where}.{side}"):
                for place in ("headers", "cookies") + (("queryString",) if side == "request" else ()):
                    for at, pair in enumerate(entry[side][place]):
                        shape("pair", pair, f"{where}.{side}.{place}[{at}]")
        request, response = entry["request"], entry["response"]
        if "postData" in request and shape("postData", request["postData"], f"{where}.request.postData"):
            if request["bodySize"] != len(request["postData"]["text"].encode()):
                found.append(f"{where}.request.bodySize: not the length of postData.text")
        described = response.get("content", {})
        if shape("content", described, f"{where}.response.content"):
            body = body_of(described)
            if len(body) != described["size"] or hashlib.sha256(body).hexdigest() != described.get("_sha256"):
                found.append(f"{where}.response.content: the bytes are not those recorded")
            if "_chunks" in response and sum(response["_chunks"]) != len(body):
                found.append(f"{where}.response._chunks: do not add up to the body")
            lengths = [h["value"] for h in response.get("headers", []) if h.get("name", "").lower() == "content-length"]
            if lengths and int(lengths[0]) != len(body):
                found.append(f"{where}.response: content-length {lengths[0]}, body of {len(body)}")
    return found


def main(paths: list[str]) -> int:
    failed = False
    for path in paths:
        with open(path, encoding="utf-8", newline="") as file:
            har = json.load(file)
        for problem in problems(har):
            failed = True
            print(f"{path}: {problem}")
        print(f"{path}: {len(har['log']['entries'])} exchanges checked")
    return int(failed or not paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
