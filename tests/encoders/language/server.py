"""Real small servers that speak OpenAI's chat protocol: one with a model behind it, others that obey or misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from encoders.language.provider import Endpoint, Prompt, Provider

KEY = "sk-very-secret-0123456789"


@dataclass
class Answer:
    """What a handler gives: `chunks` are sent one by one, `pause` seconds apart."""

    status: int = 200
    chunks: list[bytes] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0


@dataclass
class Seen:
    """Every request of one server."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def endpoint(self, **options: Any) -> Endpoint:
        return Endpoint(**{"url": self.url, "key": SecretStr(KEY), "timeout": 5.0, **options})


Behaviour = Callable[[dict[str, Any], int], Answer]
"""Body of a request and how many came before -> the answer."""


def chat(text: Any, tokens_in: int = 7, tokens_out: int = 5, **more: Any) -> Answer:
    """A chat completion."""
    message = {"role": "assistant", "content": text, **more}
    usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    return Answer(chunks=[json.dumps({"choices": [{"message": message}], "usage": usage}).encode()])


@contextmanager
def serving(behave: Behaviour) -> Iterator[Seen]:
    """A server on a free loopback port, up within the block."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                number = len(seen.bodies)
                seen.bodies.append(body)
                seen.headers.append({name.lower(): value for name, value in self.headers.items()})
            answer = behave(body, number) if self.path == "/v1/chat/completions" else Answer(404)
            self.send_response(answer.status)
            for name, value in {"connection": "close", **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for chunk in answer.chunks:
                    self.wfile.write(chunk)
                    self.wfile.flush()
                    time.sleep(answer.pause)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen = Seen(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def by_model(provider: Provider) -> Behaviour:
    """The model behind the server answers, one request at a time."""
    lock = threading.Lock()

    def behave(body: dict[str, Any], _: int) -> Answer:
        system, user = (turn["content"] for turn in body["messages"])
        with lock:
            found = provider.complete([Prompt("served", 1, system, user, "", body["max_tokens"])])[0]
        return chat(found.text, found.tokens_in, found.tokens_out)

    return behave
