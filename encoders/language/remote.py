"""A language model behind an endpoint that speaks OpenAI's chat protocol: OpenAI, vLLM, llama.cpp, Ollama and others.

Whatever it answers is bounded in size and time and never followed: no redirect, no compression, no more than one JSON
object read. The key is in one header and nowhere else.
"""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from encoders.language.provider import Completion, Endpoint, Prompt
from graph.errors import Forbidden, InvalidData, NotFound, ProviderUnavailable, Unsupported

MAX_BYTES = 1 << 20
ATTEMPTS = 4
LONGEST_WAIT = 30.0
CONNECT_SECONDS = 10.0
BYTES_PER_TOKEN = 4
"""Of English text with most tokenizers, about; the endpoint's own count is what is reported after a call."""
THINKING = 1024
"""Tokens beside the answer for a model that thinks first, where an endpoint takes `max_completion_tokens` alone."""
_AGAIN = frozenset({408, 429, 500, 502, 503, 504, 529})


class Passing(Exception):
    """Not an error yet: the next attempt may succeed. `wait`: seconds that the endpoint asks for, where it says."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.wait = wait


class OpenAICompatible:
    """`model` at `endpoint.url`, greedy (temperature 0), answers as JSON objects.

    Raises `InvalidData` for a URL that is none. `sleep` and `clock` are seconds, given by tests.
    """

    def __init__(
        self,
        model: str,
        endpoint: Endpoint,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(endpoint.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            raise InvalidData(
                f"no address of a language model: {parts._replace(netloc=parts.hostname or '').geturl()!r}",
                valid="http://HOST:PORT/v1 or https://HOST/v1, without a user or password in it",
                remedy="set INTERLACE_LANGUAGE_URL",
            )
        self._model = model
        self._endpoint = endpoint
        self._sleep = sleep
        self._clock = clock
        self._host = parts.netloc
        self._plain = False
        key = endpoint.key.get_secret_value() if endpoint.key else ""
        self._client = httpx.Client(
            headers={"accept-encoding": "identity", **({"authorization": f"Bearer {key}"} if key else {})},
            timeout=httpx.Timeout(endpoint.timeout, connect=min(CONNECT_SECONDS, endpoint.timeout)),
            follow_redirects=False,
        )

    @property
    def name(self) -> str:
        return f"openai:{self._model}@{self._host}"

    def count_tokens(self, prompt: Prompt) -> int:
        return math.ceil(len(f"{prompt.system}{prompt.user}".encode()) / BYTES_PER_TOKEN)

    def complete(self, prompts: Sequence[Prompt]) -> list[Completion]:
        if not prompts:
            return []
        with ThreadPoolExecutor(max_workers=max(1, min(self._endpoint.parallel, len(prompts)))) as pool:
            running = [pool.submit(self._one, prompt) for prompt in prompts]
            try:
                return [one.result() for one in running]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def close(self) -> None:
        self._client.close()

    def _one(self, prompt: Prompt) -> Completion:
        for attempt in range(ATTEMPTS):
            try:
                return _completion(self._answer(prompt))
            except Passing as passing:
                why = passing
                if attempt + 1 < ATTEMPTS:
                    self._sleep(min(LONGEST_WAIT, passing.wait if passing.wait is not None else 2.0**attempt))
        raise ProviderUnavailable(
            f"the language model at {self._host} did not answer in {ATTEMPTS} attempts: {why.why}",
            valid="an endpoint that answers POST /chat/completions",
            remedy="see whether it runs, or run the command again later: what was done until then is kept",
        )

    def _answer(self, prompt: Prompt) -> bytes:
        """With the usual options; an endpoint that does not take them (400) is asked without from then on."""
        if not self._plain:
            try:
                return self._send(self._body(prompt, plain=False))
            except Unsupported:
                self._plain = True
        return self._send(self._body(prompt, plain=True))

    def _body(self, prompt: Prompt, *, plain: bool) -> bytes:
        turns = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        body: dict[str, Any] = {"model": self._model, "messages": turns}
        if plain:
            body["max_completion_tokens"] = prompt.max_tokens + THINKING
        else:
            body |= {"temperature": 0, "max_tokens": prompt.max_tokens, "response_format": {"type": "json_object"}}
        return orjson.dumps(body)

    def _send(self, body: bytes) -> bytes:
        """The answer's body; raises `Passing` where another attempt may succeed."""
        url = self._endpoint.url.rstrip("/") + "/chat/completions"
        ends = self._clock() + self._endpoint.timeout
        try:
            with self._client.stream("POST", url, content=body, headers={"content-type": "application/json"}) as answer:
                if answer.status_code in _AGAIN:
                    raise Passing(f"status {answer.status_code}", _retry_after(answer.headers))
                if answer.status_code != httpx.codes.OK:
                    raise self._refused(answer.status_code)
                return self._read(answer, ends)
        except httpx.TimeoutException as error:
            raise Passing(f"nothing within {self._endpoint.timeout:g} s") from error
        except (httpx.TransportError, httpx.StreamError) as error:
            raise Passing(f"the connection failed ({type(error).__name__})") from error

    def _read(self, answer: httpx.Response, ends: float) -> bytes:
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Passing("a compressed answer that nobody asked for")
        found = bytearray()
        for part in answer.iter_raw():
            found += part
            if len(found) > MAX_BYTES:
                raise Passing(f"an answer of more than {MAX_BYTES >> 20} MiB")
            if self._clock() > ends:
                raise Passing(f"no whole answer within {self._endpoint.timeout:g} s")
        return bytes(found)

    def _refused(self, status: int) -> Exception:
        """The endpoint's own words stay out: they may hold the key, or anything else."""
        at = f"the language model at {self._host}"
        if status in {401, 403}:
            return Forbidden(f"{at} refused the key", valid="a key that it knows", remedy="set INTERLACE_LANGUAGE_KEY")
        if status == httpx.codes.NOT_FOUND:
            return NotFound(
                f"{at} has no model {self._model!r}, or is not at this address",
                valid="a model that it serves, a URL that ends before /chat/completions",
                remedy="correct INTERLACE_LANGUAGE_PROVIDER or INTERLACE_LANGUAGE_URL",
            )
        kind = Unsupported if status == httpx.codes.BAD_REQUEST else ProviderUnavailable
        return kind(
            f"{at} answered {status}",
            valid="200: an endpoint that takes model, messages and max_tokens or max_completion_tokens",
            remedy="read its log; redirects are not followed",
        )


def _completion(body: bytes) -> Completion:
    """What is used of an answer: one text and two counts. Tool calls and all else are not looked at."""
    try:
        found: Any = orjson.loads(body)
        text = found["choices"][0]["message"]["content"]
        usage = found.get("usage") or {}
        read, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise Passing("no chat completion in the answer") from error
    if not isinstance(text, str):
        return Completion("", read, written, failed="it held no text")
    return Completion(text, read, written)


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of Retry-After; None where there is none that can be read."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal() and value.isascii():
        return float(value[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
