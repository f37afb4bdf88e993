"""One request to the API and its answer, over HTTP.

A request arrives when its headers have been read: then its time is taken and its fate is drawn, before any of
its body. The effect comes first and the delay of the answer after it, so a client that does not wait has to
find out what happened.

An answer that is known before the body has been read is sent at once. The rest of the body is then read and
thrown away for a while: to close with bytes unread would reset the connection, and the answer could be lost
on its way.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import RequestHandler, stream_request_body

from pipeline.simulator import answers
from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.operations import Request
from pipeline.simulator.simulation import Simulation

# How long the rest of a body is read after its answer; nginx waits about as long (lingering_timeout).
LINGER_S = 5.0
# Linger on, 0 s: close() sends RST in place of FIN (socket(7)).
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@stream_request_body
class Exchange(RequestHandler):
    """Handles every path of the API and every method."""

    def initialize(self, simulation: Simulation) -> None:
        """Take the simulation that the request belongs to."""
        self._simulation = simulation
        self._received_bytes = 0
        # The answer was sent, or never will be: all that is left is to read the body to its end.
        self._settled = False
        self._linger: asyncio.TimerHandle | None = None

    def set_default_headers(self) -> None:
        """Do not name the server."""
        self.clear_header("Server")

    def compute_etag(self) -> None:
        """Send no ETag: the API does not."""

    def prepare(self) -> None:
        """Let the request arrive: its headers have been read, its body has not."""
        arrived_s = self._simulation.clock()
        request = self._read_head()
        route = self._simulation.routes.find(request)
        self._number = self._simulation.log.begin(arrived_s, request.method, request.path, route.endpoint)
        self._fate = self._simulation.dice.draw(route.endpoint, arrived_s)
        self._reset_at_bytes = int(self._fate.reset_share * request.content_length)
        authorization = request.headers.get("authorization", "")
        refusal = self._simulation.refuse(route, self._fate, authorization, arrived_s)
        if refusal is not None:
            self._answer_early(refusal)
            return
        try:
            self._operation = route.open()
        except Refused as refused:
            self._answer_early(refused.answer)

    def _read_head(self) -> Request:
        query = self.request.query_arguments
        return Request(
            method=self.request.method or "",
            path=self.request.path,
            query={name: values[-1].decode("utf-8", "replace") for name, values in query.items()},
            headers={name.lower(): value for name, value in self.request.headers.items()},
        )

    def data_received(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self._received_bytes += len(chunk)
        if self._settled:
            return
        if self._fate.kind == "reset" and self._received_bytes > self._reset_at_bytes:
            self._reset()
            return
        try:
            self._operation.take(chunk)
        except Refused as refused:
            self._answer_early(refused.answer)

    async def _conclude(self) -> None:
        """Carry the request out and answer; its body is complete."""
        if self._settled:
            self._stop_lingering()
        elif self._fate.kind == "reset":
            self._reset()
        else:
            await self._deliver(self._carry_out())

    get = head = post = put = patch = delete = options = _conclude

    def _carry_out(self) -> Answer:
        try:
            answer = self._operation.finish()
        except Refused as refused:
            answer = refused.answer
        return answers.injected(answers.gateway_timeout()) if self._fate.kind == "504" else answer

    async def _deliver(self, answer: Answer) -> None:
        """Write the answer into the record, wait, and send it as the fate of the request has it."""
        note = self._fate.kind if self._fate.kind in ("lost", "cut") else answer.note
        self._simulation.log.answer(self._number, answer.status, note)
        if self._fate.delay_s > 0:
            await asyncio.sleep(self._fate.delay_s)
        stream = self._stream()
        self._settled = True
        if stream.closed():
            return
        if self._fate.kind == "lost":
            stream.close()
            return
        body = self._write_head(answer)
        if self._fate.kind == "cut":
            self.write(body[: len(body) // 2])
            with suppress(StreamClosedError):
                await self.flush()
            stream.close()
            return
        self.write(body)

    def _write_head(self, answer: Answer) -> bytes:
        """Set status and headers; return the body that they describe."""
        body = answer.body(self._simulation.new_request_id())
        self.set_status(answer.status)
        self.set_header("Content-Type", answer.content_type)
        self.set_header("Content-Length", len(body))
        for name, value in answer.headers.items():
            self.set_header(name, value)
        return body

    def _answer_early(self, answer: Answer) -> None:
        self._settled = True
        self._simulation.log.answer(self._number, answer.status, answer.note)
        self.write(self._write_head(answer))
        if self.request.headers.get("Expect", "").lower() == "100-continue" and self._received_bytes == 0:
            # The client waits for leave to send its body and will not send it now.
            self.finish()
            return
        self.flush()
        self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._stream().close)

    def _stop_lingering(self) -> None:
        if self._linger is not None:
            self._linger.cancel()

    def _reset(self) -> None:
        self._settled = True
        self._simulation.log.note(self._number, "reset")
        stream = self._stream()
        if not stream.closed():
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            stream.close()

    def _stream(self) -> IOStream:
        connection = self.request.connection
        if not isinstance(connection, HTTP1Connection):
            raise TypeError(f"The simulator speaks HTTP/1.1 only, not over {connection!r}.")
        return connection.stream

    def on_connection_close(self) -> None:
        """Note that the client left before its answer."""
        super().on_connection_close()
        if not self._settled:
            self._settled = True
            self._simulation.log.note(self._number, "aborted")
