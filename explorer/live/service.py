"""The WebSocket service behind the drag path: a request in, the newest frame out.

Per connection one request is being answered and at most one waits; a newer one replaces the one that waits. Frames are
paced to `RATE` a second, work runs in a pool of threads so that the event loop stays free, and every error is a
sentence in a frame."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect

from explorer.live import frames, protocol
from explorer.live.dial import resolve
from explorer.live.models import MODELS, ModelCache

LOG = logging.getLogger("explorer.live")
RATE = 60.0
"""Most frames a second and connection."""
FLOOD = 600
"""Most messages in one second; more closes the connection."""
IDLE = 600.0
"""Seconds without a message after which the connection closes (the panel opens it again when it is used)."""
CONNECTIONS = 64
UNKNOWN = "This picture could not be made; the server's log says why. Reset the sliders and try again."
POLICY, TOO_BIG, GOING, LATER = 1008, 1009, 1001, 1013


class Lab(Protocol):
    """A page of theory that answers its own requests, `{"lab": name, ...}`."""

    def answer(self, message: Mapping[str, Any], number: int) -> bytes:
        """The frame for one request; `ValueError` with a sentence when there is none."""


def same_origin(origin: str | None, host: str | None) -> bool:
    """True when the requesting page was served by this host. Browsers always send Origin; other programs may leave it
    out."""
    if origin is None:
        return host is not None
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == str(host).lower()


def host_allowed(host: str | None, allowed: Sequence[str]) -> bool:
    """True when the Host header names one of the allowed hosts (`*.name` for any below it); an empty list allows
    all."""
    try:
        name = urlsplit(f"//{host or ''}").hostname or ""
    except ValueError:
        return False
    return not allowed or any(a in ("*", name) or (a.startswith("*.") and name.endswith(a[1:])) for a in allowed)


class Refused(Exception):
    """The client broke a rule: the connection closes with `code` and the sentence."""

    def __init__(self, code: int, message: str) -> None:
        """`code` is the WebSocket close code, `message` the sentence."""
        super().__init__(message)
        self.code = code


class Inbox:
    """The newest message of one connection, and the guard against floods."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._clock, self._second, self._count = clock, 0, 0
        self.newest: str | None = None
        self.arrived = asyncio.Event()

    def put(self, text: str) -> None:
        """Keeps this message and drops one that waits; `Refused` when it is too long or one of too many."""
        if len(text) > protocol.LIMIT:
            raise Refused(TOO_BIG, f"A request may have {protocol.LIMIT} characters; this one has {len(text)}.")
        second = int(self._clock())
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        if self._count > FLOOD:
            raise Refused(
                POLICY, f"More than {FLOOD} requests in one second; send the next when the last one is answered."
            )
        self.newest = text
        self.arrived.set()

    async def take(self) -> str:
        """The newest message, as soon as there is one."""
        await self.arrived.wait()
        self.arrived.clear()
        text, self.newest = self.newest, None
        assert text is not None
        return text


class Service:
    """Answers connections; `Service().handle` is the endpoint of a WebSocket route."""

    def __init__(
        self,
        models: ModelCache = MODELS,
        labs: Mapping[str, Lab] | None = None,
        workers: int = 2,
        pool: Executor | None = None,
        hosts: Sequence[str] = (),
    ) -> None:
        """A service without connections.

        Args:
            models: the models behind the frames.
            labs: the labs that answer, by name.
            workers: threads of the default `pool`.
            pool: where frames are computed.
            hosts: host names whose pages may connect; all when empty.
        """
        self._models, self._labs = models, dict(labs or {})
        self._pool = pool or ThreadPoolExecutor(workers, thread_name_prefix="live")
        self._hosts = tuple(h.lower() for h in hosts)
        self._open = 0

    def answer(self, text: str) -> bytes:
        """The frame for one request; never raises: an error is a sentence in the frame."""
        number = 0
        try:
            message = protocol.load(text)
            number = message["id"] if isinstance(message.get("id"), int) and not isinstance(message["id"], bool) else 0
            if "lab" in message:
                return self.lab(message["lab"]).answer(message, number)
            request = protocol.request(message)
            model = self._models.get(request.model)
            return frames.frame(model, resolve(model, request.dial), request.id)
        except (ValueError, FileNotFoundError) as error:
            return frames.problem(str(error), number)
        except Exception:
            LOG.exception("a live request failed")
            return frames.problem(UNKNOWN, number)

    def lab(self, name: object) -> Lab:
        """The lab of this name; `ValueError` when there is none."""
        if not isinstance(name, str) or name not in self._labs:
            raise ValueError(f"The labs are: {', '.join(self._labs) or 'none'}; got {protocol.shorten(name)}.")
        return self._labs[name]

    async def handle(self, socket: WebSocket) -> None:
        """Serves one connection until it closes, idles or breaks a rule."""
        host = socket.headers.get("host")
        if not same_origin(socket.headers.get("origin"), host) or not host_allowed(host, self._hosts):
            await socket.close(POLICY, "Open the explorer from its own address.")
            return
        await socket.accept()
        if self._open >= CONNECTIONS:
            await self._refuse(
                socket, Refused(LATER, f"{CONNECTIONS} connections are open already; try again in a minute.")
            )
            return
        self._open += 1
        try:
            await self._serve(socket)
        except Refused as error:
            await self._refuse(socket, error)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the page was closed, perhaps while its frame was on the way
        finally:
            self._open -= 1

    async def _serve(self, socket: WebSocket) -> None:
        """Reads and answers concurrently; the first of the two to end ends both."""
        loop = asyncio.get_running_loop()
        inbox = Inbox(loop.time)
        tasks = [asyncio.create_task(t) for t in (self._read(socket, inbox), self._reply(socket, inbox))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, socket: WebSocket, inbox: Inbox) -> None:
        while True:
            try:
                message = await asyncio.wait_for(socket.receive(), IDLE)
            except TimeoutError:
                raise Refused(GOING, "Closed after a time without requests; the next drag opens it again.") from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            text = message.get("text")
            if text is None:
                raise Refused(POLICY, "Requests are JSON text, not binary.")
            inbox.put(text)

    async def _reply(self, socket: WebSocket, inbox: Inbox) -> None:
        loop = asyncio.get_running_loop()
        while True:
            text = await inbox.take()
            started = loop.time()
            await socket.send_bytes(await loop.run_in_executor(self._pool, self.answer, text))
            await asyncio.sleep(max(0.0, started + 1 / RATE - loop.time()))

    async def _refuse(self, socket: WebSocket, error: Refused) -> None:
        """Sends the reason in a frame (unless the connection was idle), then closes with it."""
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            if error.code != GOING:
                await socket.send_bytes(frames.problem(str(error)))
            await socket.close(error.code, str(error)[:120])
