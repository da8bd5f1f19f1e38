#!/usr/bin/env python3
"""A small shop bot that speaks a protocol of its own. Standard library only.

It stands for the many in-house bots with an ad-hoc JSON interface, and it is *ours*: fixtures recorded from it
show what such a bot could send, not what a product of someone else sends.

    python3 scripts/record/custom_bot.py PORT

    POST /chat {"session": "s1", "message": "Where is my order?"}
      -> {"reply": "...", "session": "s1"}
    with "Accept: text/event-stream"    -> data: {"delta": "..."}   (one event a word, then data: {"done": true})
    with "Accept: application/x-ndjson" -> {"delta": "..."}\n       (one line a word, then {"done": true})
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = [
    ("refund", "Refunds reach your account within five working days of the day we receive the parcel."),
    ("deliver", "Order 1042 left the warehouse on Tuesday and is due on Friday between 9:00 and 12:00."),
    ("parcel", "Order 1042 left the warehouse on Tuesday and is due on Friday between 9:00 and 12:00."),
    ("order", "Order 1042 is being packed. You can change the address until 18:00 today."),
    ("café", "Yes: the café on the ground floor serves crêpes until 17:30 \u2013 no booking needed \u2615."),
]
OTHERWISE = "I can look up orders, refunds and opening hours. Which one is it about?"


def answer(message: str) -> str:
    lowered = message.lower()
    return next((text for word, text in ANSWERS if word in lowered), OTHERWISE)


def deltas(text: str) -> list[str]:
    """The text in the pieces a token stream would have: each word with the space before it."""
    words = text.split(" ")
    return [words[0]] + [" " + word for word in words[1:]]


class Bot(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "undertone-custom-bot/1"
    sys_version = ""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/chat":
            return self.plain(404, {"error": "no such path"})
        try:
            request = json.loads(body)
            message, session = request["message"], request["session"]
        except (ValueError, KeyError, TypeError):
            return self.plain(400, {"error": "expected {\"session\": ..., \"message\": ...}"})
        text = answer(message)
        accept = self.headers.get("Accept", "")
        if "text/event-stream" in accept:
            self.stream("text/event-stream; charset=utf-8", "data: {}\n\n", text)
        elif "application/x-ndjson" in accept:
            self.stream("application/x-ndjson", "{}\n", text)
        else:
            self.plain(200, {"reply": text, "session": session})

    def plain(self, status: int, value: dict):
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, content_type: str, frame: str, text: str):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in [{"delta": piece} for piece in deltas(text)] + [{"done": True}]:
            data = frame.format(json.dumps(event, ensure_ascii=False)).encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
            time.sleep(0.002)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format, *args):  # noqa: A002 - the base class names it so
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Bot).serve_forever()
