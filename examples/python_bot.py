#!/usr/bin/env python3
"""A bot to put undertone in front of, in the standard library alone.

    python3 examples/python_bot.py 9000
    undertone serve --upstream http://127.0.0.1:9000

It answers OpenAI Chat Completions (POST /v1/chat/completions, whole or with "stream": true) and a protocol of its own
(POST /chat with {"session": ..., "message": ...}, answered by {"reply": ...}; see [[protocol]] in undertone.toml).
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {
    "refund": "Refunds take five working days. Yours was started on Monday.",
    "late": "Your order is two days behind schedule. The new date is Thursday.",
    "where": "Your order left the warehouse on Monday. It arrives on Thursday.",
    "thank": "Your order is marked as delivered.",
}
OTHERWISE = "I can look up orders and refunds. What is your order number?"


def words(content):
    """A message is a text, or a list of parts of which some are."""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def answer(turn):
    turn = turn.lower()
    return next((text for word, text in ANSWERS.items() if word in turn), OTHERWISE)


class Bot(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length", 0))
            request = json.loads(self.rfile.read(length))
            if self.path == "/v1/chat/completions":
                self.completion(request)
            elif self.path == "/chat":
                self.send_json(200, {"session": request.get("session"), "reply": answer(request["message"])})
            else:
                self.send_json(404, {"error": {"message": "no such endpoint"}})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has gone
        except (KeyError, TypeError, AttributeError, ValueError):
            self.send_json(400, {"error": {"message": "not a request this bot understands"}})

    def completion(self, request):
        turns = [m["content"] for m in request["messages"] if m["role"] == "user"]
        text = answer(words(turns[-1]) if turns else "")
        if request.get("stream"):
            self.stream(text)
            return
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.send_json(200, self.envelope("chat.completion", choice))

    def stream(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word + " "} for word in text.split(" ")[:-1]]
        deltas += [{"content": text.split(" ")[-1]}]
        for delta in deltas:
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            self.send_event(json.dumps(self.envelope("chat.completion.chunk", choice)))
            time.sleep(0.02)
        choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
        self.send_event(json.dumps(self.envelope("chat.completion.chunk", choice)))
        self.send_event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def send_event(self, data):
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))

    def send_json(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def envelope(kind, choice):
        return {"id": "chatcmpl-1", "object": kind, "created": 0, "model": "python-bot", "choices": [choice]}

    def log_message(self, *args):
        """Quiet: the terminal is undertone's."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    bot = ThreadingHTTPServer(("127.0.0.1", port), Bot)
    print(f"listening on http://127.0.0.1:{bot.server_port}", flush=True)
    try:
        bot.serve_forever()
    except KeyboardInterrupt:
        pass
