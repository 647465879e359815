"""A small client of Baton's REST API, made of Python's standard library (3.9 or newer): copy it and change it.

BATON_URL says where Baton is (http://127.0.0.1:8000 if it is not set), BATON_TOKEN who calls. On Baton's own machine no
token is needed, unless its `auth.mode` is "required".
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """Baton does not do what was asked: status, code and reason, as its problem+json (RFC 9457) has them."""

    def __init__(self, error: urllib.error.HTTPError) -> None:
        body = error.read()
        try:
            problem = json.loads(body)
        except ValueError:  # a proxy on the way answered
            problem = {}
        self.status = error.code
        self.code: str = problem.get("code", "")
        super().__init__(f"{self.status} {self.code}: {problem.get('detail', error.reason)}")


@dataclass(frozen=True)
class Event:
    """One line of Baton's log."""

    id: str
    kind: str
    data: dict[str, Any]


class Baton:
    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self.token = token

    @classmethod
    def from_env(cls) -> Baton:
        return cls(os.environ.get("BATON_URL") or "http://127.0.0.1:8000", os.environ.get("BATON_TOKEN", ""))

    def submit(self, directive: dict[str, Any]) -> str:
        """Puts a directive into the queue: its id. With the key, a submission that is sent twice is still one."""
        answer = self.call("POST", "/api/directives", {"idempotency_key": uuid.uuid4().hex, **directive})
        return str(answer["directive_id"])

    def webhook_secrets(self) -> list[str]:
        """What signs the calls to the `webhook` URLs of one's own directives, the newest first."""
        return list(self.call("GET", "/api/webhooks/signer")["secrets"])

    def events(self, kinds: str = "*", after: str = "") -> Iterator[Event]:
        """What happens from now on, or after the event with that id, without end; a break is bridged."""
        path = "/api/events?" + urllib.parse.urlencode({"kind": kinds})
        while True:
            try:
                # A living stream says something every 15 seconds at least.
                with self._open("GET", path, None, {"Last-Event-ID": after} if after else {}, timeout=45) as stream:
                    for frame in frames(stream):
                        after = frame.get("id", after)
                        if "data" in frame:
                            payload = json.loads(frame["data"])
                            yield Event(after, frame.get("event", "message"), payload.get("data", payload))
                print("the stream ended; connecting again", file=sys.stderr)
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    raise Refused(error) from None
            except (OSError, http.client.HTTPException) as error:
                print(f"{error}; connecting again", file=sys.stderr)
            time.sleep(1)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A request and its JSON. When nobody answers it is sent again: nothing here does harm twice."""
        waits = [0.5, 1.0, 2.0, 4.0]
        while True:
            pause = 0.0
            try:
                with self._open(method, path, body, {}, timeout=30) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or not waits:
                    raise Refused(error) from None
                pause = float(error.headers.get("Retry-After", 0))
            except (OSError, http.client.HTTPException):
                if not waits:
                    raise
            time.sleep(max(pause, waits.pop(0)))

    def _open(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str], timeout: float
    ) -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout)
        return response


def frames(lines: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """Server-sent events, each as its fields. One that is cut off in the middle is left out: it comes again."""
    frame: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\r\n")
        if text:
            field, _, value = text.partition(":")
            frame[field] = value[1:] if value.startswith(" ") else value
        else:
            yield frame
            frame = {}
