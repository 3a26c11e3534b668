"""The encoder process for real: started by the first question, shared, guarded by its key, started when killed."""

from __future__ import annotations

import asyncio
import io
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import orjson
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from encoders.registry import open_encoder
from graph.errors import Conflict, EncodersUnavailable, InvalidData, Unsupported
from serving.encoder_batches import Batches
from serving.encoder_client import ADDRESS, FOLDER, EncoderClient
from serving.encoder_frames import Frame, problem_frame, raise_problem

ROOT = Path(__file__).parents[2]
ENCODERS = {name: [name_of, open_encoder(name_of).version] for name, name_of in
            (("text", "minilm"), ("image", "efficientnet-lite0"))}  # fmt: skip


def process_of(home: Path) -> psutil.Process:
    return psutil.Process(orjson.loads((home / FOLDER / ADDRESS).read_bytes())["process"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("encoders")
    yield folder
    if (folder / FOLDER / ADDRESS).is_file():
        process_of(folder).kill()


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[EncoderClient]:
    client = EncoderClient(home)
    yield client
    client.close()


def ask(client: EncoderClient, **head: object) -> Frame:
    parts = head.pop("parts", {})
    return client.ask_now(Frame({"ask": "vectors", "encoders": ENCODERS, **head}, parts), 60)


def picture(colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(data, "PNG")
    return data.getvalue()


def test_vectors_are_the_encoders_own(client: EncoderClient) -> None:
    found = ask(client, text="a quiet planet", parts={"image": picture("red")})
    assert found.head["dims"] == {"text": 384, "image": 1280}
    text = np.frombuffer(found.parts["text"], np.float32)
    assert text @ open_encoder("minilm").encode(["a quiet planet"])[0] > 0.9999
    image = np.frombuffer(found.parts["image"], np.float32)
    assert image @ open_encoder("efficientnet-lite0").encode([picture("red")])[0] > 0.9999


def test_an_item_reads_as_in_the_catalogue(client: EncoderClient) -> None:
    item = ask(client, title="Alien", text="In space no one hears you")
    words = ask(client, text="Alien. In space no one hears you")
    np.testing.assert_allclose(*(np.frombuffer(one.parts["text"], np.float32) for one in (item, words)), atol=1e-5)


def test_one_process_serves_all_workers_of_a_home(client: EncoderClient, home: Path) -> None:
    ask(client, text="first")
    first = process_of(home).pid
    other = EncoderClient(home)
    ask(other, text="second")
    assert process_of(home).pid == first
    other.close()
    second = subprocess.run(
        [sys.executable, "-m", "serving.encoder_server", str(home)], cwd=ROOT, timeout=60, check=True
    )
    assert second.returncode == 0, "it leaves at once where another serves"
    assert process_of(home).pid == first


def test_many_at_once_get_their_own_vectors(client: EncoderClient) -> None:
    texts = [f"number {place}" for place in range(24)]

    async def all_of_them() -> list[Frame]:
        frames = [Frame({"ask": "vectors", "encoders": ENCODERS, "text": text}) for text in texts]
        return await asyncio.gather(*(client.ask(frame, deadline=60) for frame in frames))

    found = np.stack([np.frombuffer(one.parts["text"], np.float32) for one in asyncio.run(all_of_them())])
    expected = open_encoder("minilm").encode(texts)
    assert (np.einsum("ij,ij->i", found, expected) > 0.999).all()


def test_errors_are_the_encoders_own(client: EncoderClient) -> None:
    with pytest.raises(InvalidData, match="picture"):
        ask(client, parts={"image": b"no picture at all"})
    with pytest.raises(Unsupported, match="audio"):
        ask(client, parts={"audio": b"RIFF"})
    with pytest.raises(Conflict, match="version"):
        client.ask_now(Frame({"ask": "vectors", "encoders": {"text": ["minilm", "0"]}, "text": "x"}), 60)
    with pytest.raises(InvalidData, match="asked for"):
        client.ask_now(Frame({"ask": "rm -rf"}), 60)
    assert ask(client, text="x", skip=True, parts={"audio": b"RIFF"}).head["dims"] == {"text": 384}


def test_a_killed_process_is_started_again(client: EncoderClient, home: Path) -> None:
    ask(client, text="before")
    before = process_of(home)
    before.send_signal(signal.SIGKILL)
    before.wait(10)
    assert ask(client, text="after").head["dims"] == {"text": 384}
    assert process_of(home).pid != before.pid


def test_the_key_is_the_user_s_alone_and_strangers_get_nothing(client: EncoderClient, home: Path) -> None:
    ask(client, text="x")
    assert stat.S_IMODE((home / FOLDER / ADDRESS).stat().st_mode) == 0o600
    assert stat.S_IMODE((home / FOLDER).stat().st_mode) == 0o700
    port = orjson.loads((home / FOLDER / ADDRESS).read_bytes())["port"]
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        Client(("127.0.0.1", port), authkey=b"guess")
    with Client(("127.0.0.1", port)) as silent:  # says nothing, and holds nobody up
        assert ask(client, text="y").head["dims"] == {"text": 384}
        assert not silent.closed


def test_a_slow_answer_is_an_error_and_not_the_next_one_s(client: EncoderClient) -> None:
    with pytest.raises(EncodersUnavailable, match="did not answer"):
        client.ask_now(Frame({"ask": "vectors", "encoders": ENCODERS, "text": "slow"}), 0.0)
    found = np.frombuffer(ask(client, text="next").parts["text"], np.float32)
    assert found @ open_encoder("minilm").encode(["next"])[0] > 0.999


def test_too_many_at_once_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving import encoder_client

    monkeypatch.setattr(encoder_client, "WAITING", 0)
    monkeypatch.setattr(encoder_client, "THREADS", 1)
    client = EncoderClient(home)

    async def both() -> list[object]:
        frames = [Frame({"ask": "vectors", "encoders": ENCODERS, "text": str(place)}) for place in range(2)]
        return await asyncio.gather(*(client.ask(one, deadline=60) for one in frames), return_exceptions=True)

    found = asyncio.run(both())
    client.close()
    assert [type(one) for one in found] == [Frame, EncodersUnavailable]


def test_it_ends_when_nobody_is_connected(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from serving.encoder_server import serve\n" \
              "serve(Path(sys.argv[1]), idle_seconds=0.5)"  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) as process:
        while not (tmp_path / FOLDER / ADDRESS).is_file():
            time.sleep(0.05)
        assert process.wait(30) == 0
    assert not (tmp_path / FOLDER / ADDRESS).exists()


def test_a_home_where_it_cannot_start_says_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    client = EncoderClient(tmp_path, start_seconds=0.3)
    with pytest.raises(EncodersUnavailable, match="did not start") as raised:
        ask(client, text="x")
    assert "encoder.log" in raised.value.remedy
    client.close()


@given(st.dictionaries(st.text(max_size=5).filter(lambda name: name != "parts"), st.integers(0, 9), max_size=3),
       st.dictionaries(st.text(max_size=5), st.binary(max_size=40), max_size=3))  # fmt: skip
def test_frames_come_back_as_they_went(head: dict[str, int], parts: dict[str, bytes]) -> None:
    frame = Frame(head, parts)
    assert Frame.load(frame.dump()) == frame


@given(st.binary(max_size=60))
def test_other_bytes_are_no_frame(data: bytes) -> None:
    try:
        found = Frame.load(data)
    except InvalidData:
        return
    assert Frame.load(found.dump()) == found


def test_only_known_errors_are_raised_by_name() -> None:
    with pytest.raises(Conflict, match="both"):
        raise_problem(Frame.load(problem_frame(Conflict("both", remedy="r")).dump()))
    from graph.errors import InterlaceError

    with pytest.raises(InterlaceError, match="x") as raised:
        raise_problem(Frame({"problem": {"kind": "SystemExit", "what": "x", "valid": "", "remedy": ""}}))
    assert type(raised.value) is InterlaceError


def test_what_waits_makes_up_the_next_batch() -> None:
    sizes: list[int] = []

    class Slow:
        name = "slow"

        def prepare(self, thing: str) -> str:
            if thing == "broken":
                raise InvalidData("broken")
            return thing

        def encode_prepared(self, batch: list[str]) -> np.ndarray:
            sizes.append(len(batch))
            time.sleep(0.1)
            return np.array([[len(one)] for one in batch], np.float32)

    batches = Batches(Slow())  # type: ignore[arg-type]
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(batches.encode, ["x" * place for place in range(1, 13)]))
    assert [int(one[0]) for one in found] == list(range(1, 13))
    assert len(sizes) < 12
    with pytest.raises(InvalidData):
        batches.encode("broken")


def test_it_keeps_no_socket_of_the_server_s(tmp_path: Path) -> None:
    """The server's socket is inheritable, for its workers: the port must be free when they are gone."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.set_inheritable(True)
        client = EncoderClient(tmp_path)
        ask(client, text="x")
        mine = listener.getsockname()[1]
        open_there = {one.laddr.port for one in process_of(tmp_path).net_connections() if one.status == "LISTEN"}
    client.close()
    process_of(tmp_path).kill()
    assert open_there == {orjson.loads((tmp_path / FOLDER / ADDRESS).read_bytes())["port"]}
    assert mine not in open_there
