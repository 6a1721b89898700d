"""The live service, over a real socket."""

import asyncio
import concurrent.futures
import contextlib
import json
import threading
import time

import numpy as np
import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from explorer.live import frames as render
from explorer.live import protocol, service
from explorer.live.service import Inbox, Refused, Service, same_origin
from tests.browser.launch import free_port

NAME = "two_phase/fraction"


@contextlib.asynccontextmanager
async def serving(handler):
    """A server of this handler in this event loop; yields its port."""
    port = free_port()
    app = Starlette(routes=[WebSocketRoute("/api/live", handler)])
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="critical", ws="websockets-sansio", lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await task


def alone(work):
    """Runs a coroutine in a thread of its own: the loop of a browser test may be running in this one."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result(60)


def talk(conversation, made=None, origin=True):
    """Runs `conversation(socket)` with a client connected to a fresh service."""

    async def run():
        async with serving((made or Service()).handle) as port:
            own = f"http://127.0.0.1:{port}" if origin is True else origin
            async with websockets.connect(f"ws://127.0.0.1:{port}/api/live", origin=own, max_size=None) as socket:
                return await asyncio.wait_for(conversation(socket), 30)

    return alone(run())


async def ask(socket, **request):
    await socket.send(json.dumps({"model": NAME, "size": 64, **request}))
    return protocol.decode(await socket.recv())


class Slow(Service):
    """A service whose answers wait for `go`; remembers what it was asked."""

    def __init__(self):
        super().__init__()
        self.go, self.begun, self.seen = threading.Event(), threading.Event(), []

    def answer(self, text):
        self.seen.append(json.loads(text)["id"])
        self.begun.set()
        self.go.wait(20)
        return render.problem("done", self.seen[-1])


def test_a_frame_holds_picture_curve_and_numbers(model):
    async def conversation(socket):
        return await ask(socket, id=5, conditions={"volume_fraction": 0.3}, seed=2)

    header, arrays = talk(conversation)
    expected = model.sample({"volume_fraction": 0.3}, seed=2, size=64)
    np.testing.assert_array_equal(arrays["picture"], expected.labels[0])
    assert header["id"] == 5 and header["measured"]["volume_fraction"] == pytest.approx(0.3, abs=0.5 / 64**2)
    assert arrays["live.correlation"][0] == pytest.approx(0.3, abs=1e-3)
    assert arrays["mean.correlation"].shape == arrays["sd.correlation"].shape == arrays["home.correlation"].shape
    assert header["ms"] > 0 and header["raw"]["volume_fraction"] != 0


def test_beyond_the_held_out_data_nothing_is_compared(model):
    at = model.references["at"]
    text = json.dumps({"model": NAME, "size": 64, "conditions": {"volume_fraction": 0.95}})
    header, arrays = protocol.decode(Service().answer(text))
    assert at.max() < 0.95 and "mean.correlation" not in arrays and len(header["descriptors"]["euler_number"]) == 1
    assert any("no reference data" in w for w in header["warnings"])


def test_errors_are_sentences_in_frames_and_the_talk_goes_on():
    async def conversation(socket):
        bad = [
            await ask(socket, id=1, conditions={"volume_fraction": 2.0}),
            await ask(socket, id=2, model="nobody/here"),
        ]
        bad += [
            await ask(socket, id=3, off=["thinking"]),
            await ask(socket, id=4, size=65),
            await ask(socket, id=5, colour="red"),
        ]
        return bad, await ask(socket, id=6)

    bad, good = talk(conversation)
    assert [h["id"] for h, _ in bad] == [1, 2, 3, 4, 5]
    for header, arrays in bad:
        assert header["error"].endswith(".") and "Traceback" not in header["error"] and not arrays
    assert "volume_fraction" in bad[0][0]["error"] and "0.05" in bad[0][0]["error"]
    assert good[0]["id"] == 6 and "error" not in good[0]


def test_newest_wins():
    slow = Slow()

    async def conversation(socket):
        await socket.send('{"id": 1}')
        await asyncio.to_thread(slow.begun.wait, 20)
        for number in range(2, 30):
            await socket.send(json.dumps({"id": number}))
        pong = await socket.ping()
        await pong  # everything before has been read by the server's side of the socket
        await asyncio.sleep(0.05)
        slow.go.set()
        return [protocol.decode(await socket.recv())[0]["id"] for _ in range(2)]

    assert talk(conversation, slow) == [1, 29]
    assert slow.seen == [1, 29]


def closed_with(act, made=None):
    async def conversation(socket):
        await act(socket)
        frames = []
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                frames.append(protocol.decode(await socket.recv())[0])
        return frames, socket.close_code

    return talk(conversation, made)


def test_an_oversized_message_closes_with_a_sentence():
    frames, code = closed_with(lambda socket: socket.send("x" * (protocol.LIMIT + 1)))
    assert code == service.TOO_BIG and "characters" in frames[-1]["error"]


def test_a_binary_message_closes_with_a_sentence():
    frames, code = closed_with(lambda socket: socket.send(b"\0\1"))
    assert code == service.POLICY and "JSON text" in frames[-1]["error"]


def test_a_flood_closes_with_a_sentence():
    slow = Slow()
    slow.go.set()

    async def flood(socket):
        with contextlib.suppress(websockets.ConnectionClosed):
            for number in range(3 * service.FLOOD):
                await socket.send(json.dumps({"id": number}))

    frames, code = closed_with(flood, slow)
    assert code == service.POLICY and "one second" in frames[-1]["error"]


def test_a_quiet_connection_is_closed(monkeypatch):
    monkeypatch.setattr(service, "IDLE", 0.05)

    async def nothing(socket):
        return None

    assert closed_with(nothing) == ([], service.GOING)


def test_too_many_connections_are_turned_away(monkeypatch):
    monkeypatch.setattr(service, "CONNECTIONS", 0)

    async def nothing(socket):
        return None

    frames, code = closed_with(nothing)
    assert code == service.LATER and "try again" in frames[-1]["error"]


def test_answers_are_paced(monkeypatch):
    monkeypatch.setattr(service, "RATE", 20.0)
    slow = Slow()
    slow.go.set()

    async def conversation(socket):
        start = time.perf_counter()
        for number in range(5):
            await socket.send(json.dumps({"id": number}))
            await socket.recv()
        return time.perf_counter() - start

    assert talk(conversation, slow) >= 4 / 20 * 0.9


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost.evil.example"]
)
def test_another_origin_is_refused(origin):
    async def conversation(socket):
        return None

    with pytest.raises(websockets.InvalidStatus, match="403"):
        talk(conversation, origin=origin)


def test_a_program_without_origin_is_served():
    async def conversation(socket):
        return await ask(socket, id=1)

    assert talk(conversation, origin=None)[0]["id"] == 1


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:8501", "localhost:8501", True),
        ("https://a.b", "a.b", True),
        ("HTTP://A.b", "a.B", True),
        (None, "x", True),
        ("http://localhost:8501", "localhost:8502", False),
        ("file://", "x", False),
        ("null", "null", False),
        ("http://[", "[", False),
        ("http://u@localhost", "localhost", False),
        (None, None, False),
        ("http://", "", False),
        ("ftp://x", "x", False),
    ],
)
def test_same_origin(origin, host, same):
    assert same_origin(origin, host) is same


@pytest.mark.parametrize(
    ("host", "allowed", "fine"),
    [
        ("localhost:8501", ("localhost",), True),
        ("LOCALHOST", ("localhost",), True),
        ("evil.example:8501", ("localhost", "127.0.0.1"), False),
        ("a.lab.org", ("*.lab.org",), True),
        ("lab.org.evil", ("*.lab.org",), False),
        ("anything", (), True),
        ("[", ("localhost",), False),
        (None, ("localhost",), False),
        ("x", ("*",), True),
    ],
)
def test_allowed_hosts(host, allowed, fine):
    assert service.host_allowed(host, allowed) is fine


def test_a_host_that_is_not_allowed_is_refused():
    async def conversation(socket):
        return None

    with pytest.raises(websockets.InvalidStatus, match="403"):
        talk(conversation, Service(hosts=["localhost"]))


def test_an_unknown_failure_is_a_sentence_and_a_log(caplog, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(render, "frame", broken)
    header, _ = protocol.decode(Service().answer(json.dumps({"model": NAME, "id": 9})))
    assert header == {"id": 9, "error": service.UNKNOWN}
    assert "secret detail" in caplog.text


def test_the_inbox_keeps_the_newest_and_counts_by_the_second():
    async def run():
        now = [0.0]
        inbox = Inbox(lambda: now[0])
        for second in range(3):
            now[0] = float(second)
            for number in range(service.FLOOD):
                inbox.put(str(number))
        assert await inbox.take() == str(service.FLOOD - 1)
        with pytest.raises(Refused):
            inbox.put("one more")

    alone(run())
