"""Receives the results of directives, and believes only what Baton signed (Standard Webhooks 1.0).

    BATON_WEBHOOK_SECRET="whsec_…" python3 receive_webhooks.py [PORT]

Prints {"listening": URL}, then a line of JSON for each result. Several secrets may stand in BATON_WEBHOOK_SECRET, with
spaces between. `standardwebhooks` on PyPI does what `verified_id` does here, if you would rather have a package.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import sys
import threading
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/webhooks/baton"
TOLERANCE_SECONDS = 300
LONGEST_BODY = 16 * 1024 * 1024
REMEMBERED = 100_000


class Unsigned(Exception):
    """Baton did not send this, or not now."""


def verified_id(secrets: list[bytes], headers: Message, body: bytes) -> str:
    """The `webhook-id` of a message, if one of its signatures was made with one of the secrets, and lately."""
    message_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    # An old message would be good for ever to whoever got hold of it.
    if abs(time.time() - number(timestamp)) > TOLERANCE_SECONDS:
        raise Unsigned("webhook-timestamp is missing, too old or too new")
    signed = f"{message_id}.{timestamp}.".encode() + body
    for signature in (headers.get("webhook-signature") or "").split():
        version, _, given = signature.partition(",")
        for secret in secrets:
            wanted = base64.b64encode(hmac.digest(secret, signed, "sha256"))
            # Takes the same time wherever they differ, so that nobody can feel their way to a signature.
            if version == "v1" and hmac.compare_digest(wanted, given.encode()):
                return message_id
    raise Unsigned("no signature in webhook-signature fits")


def number(text: str) -> int:
    """A whole number that somebody else wrote; -1 if it is none."""
    return int(text) if text.isdecimal() and len(text) <= 12 else -1


class Inbox:
    """Takes each message once. Baton sends a message again, under the same id, until it hears that it has arrived.

    Where a lost process must not take one twice, keep the ids in your database, in the transaction of what they change.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, None] = {}

    def take(self, message_id: str, message: dict[str, Any]) -> None:
        with self._lock:
            if message_id in self._taken:
                print(f"{message_id} is here already", file=sys.stderr)
                return
            handle(message_id, message)
            # Only now: if handling fails, the message shall come again.
            self._taken[message_id] = None
            if len(self._taken) > REMEMBERED:
                del self._taken[next(iter(self._taken))]


def handle(message_id: str, message: dict[str, Any]) -> None:
    """Here your own work begins: update the dashboard, call somebody."""
    if not message.get("success"):
        action = "escalate_to_human"
    elif "sales" in message.get("tags", []):
        action = "update_sales_dashboard"
    else:
        action = "none"
    told = {key: message.get(key) for key in ("event", "directive_id", "directive", "success", "result", "error")}
    print(json.dumps({"webhook_id": message_id, **told, "action": action}), flush=True)


class Receiver(BaseHTTPRequestHandler):
    secrets: list[bytes]
    inbox = Inbox()
    timeout = 10  # for a caller that says nothing

    def do_POST(self) -> None:
        length = number(self.headers.get("Content-Length") or "")
        if self.path != PATH:
            return self.answer(404, f"nothing but {PATH} is here")
        if not 0 <= length <= LONGEST_BODY:
            return self.answer(413, "the body is too long, or nobody says how long it is")
        # The signature is over the bytes as they came: parse them only afterwards.
        body = self.rfile.read(length)
        try:
            self.inbox.take(verified_id(self.secrets, self.headers, body), json.loads(body))
        except Unsigned as error:
            return self.answer(401, str(error))
        self.answer(204)

    def answer(self, status: int, reason: str = "") -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(reason.encode())


def main() -> None:
    secrets = os.environ.get("BATON_WEBHOOK_SECRET", "").split()
    if not secrets:
        sys.exit("BATON_WEBHOOK_SECRET is not set: webhook_secret.py prints it")
    Receiver.secrets = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets]
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Receiver)
    print(json.dumps({"listening": f"http://127.0.0.1:{server.server_port}{PATH}"}), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
