"""The process: settings in, uvicorn until a signal ends it."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import socket
import sys
import threading
from types import FrameType

import uvicorn

from assay.errors import AssayError
from assay_backend.app import create_app
from assay_backend.logs import log_to_stderr
from assay_backend.services.container import build_services
from assay_backend.services.ending import Ending
from assay_backend.settings import LEAST_KEY, BadSettings, Settings, load_settings, misspelt

# Docker kills after ten seconds.
LAST_ANSWERS_SECONDS = 1.0  # in which new connections are taken too
GRACE_SECONDS = 5
END_SECONDS = 9.0

EXIT_BAD_SETTINGS = 2
EXIT_UNFINISHED = 1

log = logging.getLogger(__name__)


def main() -> int:
    """Exit status 2, and a sentence for each, where settings cannot be used."""
    try:
        settings = load_settings()
        log_to_stderr(settings.log_level, settings.log_format)
        _warn_of(settings)
        with bind(settings) as listening:
            serve(settings, listening)
    except (BadSettings, AssayError) as error:
        _say_why(str(error))
        return EXIT_BAD_SETTINGS
    return 0


def _warn_of(settings: Settings) -> None:
    """What can be used, and is hardly what was meant."""
    for name, meant in misspelt(os.environ).items():
        log.warning("%s is no setting and changes nothing: perhaps %s is meant", name, meant)
    if settings.admin_key_is_short:
        log.warning("ASSAY_ADMIN_KEY has under %d characters: it can be guessed", LEAST_KEY)


def serve(settings: Settings, listening: socket.socket) -> None:
    """Returns after a signal. Raises what `build_services` raises."""
    services = build_services(settings)
    app = create_app(settings, services=services)
    gc.freeze()  # to walk all that is loaded takes 35 ms, in which nobody would be answered
    config = uvicorn.Config(
        app,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[*settings.trusted_proxies],
    )
    Server(config, services.ending).run(sockets=[listening])


class Server(uvicorn.Server):
    """uvicorn's, but that a signal fails nobody: those who ask for another second are answered,
    on their connections' last answer, and then those whom the kernel had connected already.
    """

    def __init__(self, config: uvicorn.Config, ending: Ending) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._ending.begun:  # asked twice: at once
            super().handle_exit(sig, frame)
        else:
            self._ending.begin()
            patience = threading.Timer(END_SECONDS, _give_up)
            patience.daemon = True
            patience.start()

    async def on_tick(self, counter: int) -> bool:
        if await super().on_tick(counter):
            return True
        alone = not self.server_state.connections
        return self._ending.begun and (
            alone or self._ending.lasts_seconds() >= LAST_ANSWERS_SECONDS
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            log.info("Listening on %s, port %d", *listening.getsockname()[:2])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._take_the_last(sockets or [])
        await super().shutdown(sockets)

    async def _take_the_last(self, sockets: list[socket.socket]) -> None:
        """Closes the port, but for those who are connected without our knowing yet."""
        connected = []
        for listening in sockets:
            while (last := _accepted(listening)) is not None:
                connected.append(last)
        for server in self.servers:
            server.close()
        for last in connected:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, last)
        await asyncio.sleep(0.1)  # for what they have sent to be read

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _give_up() -> None:
    """A database that does not answer could hold us for ever. What is acknowledged is on disk."""
    log.error("Not all has ended within %g seconds: what has not is left", END_SECONDS)
    os._exit(EXIT_UNFINISHED)


def bind(settings: Settings) -> socket.socket:
    """The port, taken before anything is loaded, and opened once there are answers. Raises
    BadSettings.
    """
    host, port = settings.host, settings.port
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise BadSettings(_why_not(host, port, error)) from error
    listening.setblocking(False)
    return listening


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"PORT is {port}, which is in use at {host}: free it, or choose another."
    if error.errno == errno.EACCES:
        return f"PORT is {port}, which this user may not open: choose one from 1024 on."
    reason = error.strerror or error
    return f"ASSAY_HOST is {host!r}: it should be an address of this machine ({reason})."


def _accepted(listening: socket.socket) -> socket.socket | None:
    try:
        return listening.accept()[0]
    except OSError:  # nobody waits
        return None


def _say_why(sentences: str) -> None:
    """As a person reads it, unless whoever started us wants JSON: it may be what is wrong."""
    if os.environ.get("ASSAY_LOG_FORMAT") != "json":
        sys.stderr.write(f"{sentences}\n")
        return
    log_to_stderr("info", "json")
    for sentence in sentences.splitlines():
        log.critical(sentence)
