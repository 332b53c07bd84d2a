"""`python -m assay_frontend`: Streamlit's server on the packaged app, configured here."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from assay_frontend.api.ages import SHOWN_TIMES
from assay_frontend.logs import log_to_stderr
from assay_frontend.settings import BadSetting, Settings, read_settings, wants_json

PACKAGE = Path(__file__).parent


def streamlit_command(settings: Settings) -> list[str]:
    """The command line that serves the dashboard."""
    options = {
        "server.address": settings.host,
        "server.port": str(settings.port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        # the welcome text asks an outside host for this machine's public address
        "logger.hideWelcomeMessage": "true",
        "logger.level": settings.log_level,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "runner.magicEnabled": "false",
        # Python collects by itself; after each run it would hold up all for a tenth of a second
        "runner.postScriptGC": "false",
        "runner.cacheBackgroundRefreshTTLMultiplier": str(SHOWN_TIMES),
        "theme.base": str(PACKAGE / "theme" / "assay.toml"),
    }
    if settings.space_host:
        options["server.corsAllowedOrigins"] = f"https://{settings.space_host}"
        # compared first: otherwise each visit asks an outside host for this machine's address
        options["browser.serverAddress"] = settings.space_host
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    app = str(PACKAGE / "served.py")
    return [sys.executable, "-m", "streamlit", "run", app, *flags]


def require_free_port(settings: Settings) -> None:
    """BadSetting where nobody could listen there: Streamlit would not name the setting."""
    host, port = settings.host, settings.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                reason = f"PORT must be free, and one that this user may open: {port}"
            else:
                reason = f"ASSAY_HOST must be an address of this machine: {host!r}"
            raise BadSetting(f"{reason} ({error.strerror or error})") from error


def _say_why(sentences: str) -> None:
    if not wants_json():
        print(sentences, file=sys.stderr)
        return
    log_to_stderr("info", "json")
    for sentence in sentences.splitlines():
        logging.getLogger(__name__).critical(sentence)


def main() -> NoReturn:
    try:
        settings = read_settings()
        require_free_port(settings)
    except BadSetting as error:
        _say_why(str(error))
        sys.exit(2)
    command = streamlit_command(settings)
    os.execv(command[0], command)  # noqa: S606  # its own interpreter, no shell wanted


if __name__ == "__main__":
    main()
