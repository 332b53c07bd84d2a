"""`python -m assay_frontend`: Streamlit's server on the packaged app, configured here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from assay_frontend.settings import BadSetting, Settings, read_settings

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
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "runner.magicEnabled": "false",
        "theme.base": str(PACKAGE / "theme" / "assay.toml"),
    }
    if settings.space_host:
        options["server.corsAllowedOrigins"] = f"https://{settings.space_host}"
        # compared first: otherwise each visit asks an outside host for this machine's address
        options["browser.serverAddress"] = settings.space_host
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    app = str(PACKAGE / "served.py")
    return [sys.executable, "-m", "streamlit", "run", app, *flags]


def main() -> NoReturn:
    try:
        command = streamlit_command(read_settings())
    except BadSetting as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    os.execv(command[0], command)  # noqa: S606  # its own interpreter, no shell wanted


if __name__ == "__main__":
    main()
