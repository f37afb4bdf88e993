"""The server process: listens, serves until it is told to stop, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from pipeline.simulator.control import Faults, Health, Record
from pipeline.simulator.exchange import Exchange
from pipeline.simulator.options import SimulatorOptions, SimulatorRefused
from pipeline.simulator.simulation import Simulation

# What is read and hashed at one go: 0.15 ms of SHA-256 with the instructions for it, about 1 ms without.
CHUNK_BYTES = 256 * 1024
# How large a body may be, the operations know, and say in the words of the API; the server must not be first.
ANY_BODY_BYTES = 2**62
CLOSE_WITHIN_S = 1.0


def serve(options: SimulatorOptions, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, in the main thread; call `ready` with the address once it listens.

    Raises:
        SimulatorRefused: The address cannot be listened on.
    """
    asyncio.run(_serve(options, ready))


async def _serve(options: SimulatorOptions, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sockets = _listen(options)
    server = HTTPServer(
        _application(Simulation(options)), chunk_size=CHUNK_BYTES, max_body_size=ANY_BODY_BYTES
    )
    server.add_sockets(sockets)
    host = f"[{options.host}]" if ":" in options.host else options.host
    ready(f"http://{host}:{sockets[0].getsockname()[1]}")
    await stop.wait()
    server.stop()
    # What a busy machine does not close in time ends with the process.
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await server.close_all_connections()


def _listen(options: SimulatorOptions) -> list[socket.socket]:
    try:
        return bind_sockets(options.port, options.host)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SimulatorRefused(
            f"The simulator cannot listen on {options.host} port {options.port}: {reason}. "
            "Choose another port, or 0 for a free one."
        ) from error


def _application(simulation: Simulation) -> Application:
    own = {"simulation": simulation}
    return Application(
        [
            (r"/_health", Health, own),
            (r"/_record", Record, own),
            (r"/_faults", Faults, own),
            (r"/.*", Exchange, own),
        ],
        # The record takes the place of an access log.
        log_function=lambda _handler: None,
    )
