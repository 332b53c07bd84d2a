"""A Space's Dockerfile: the service's own, installed from staged wheels and on a Space's port.

What the image holds and how it runs is said once, in `backend/Dockerfile` and
`frontend/Dockerfile`. A Space has no sources of ours to build from, so in the first stage these are
not copied, and the two syncs make way for `REQUIREMENTS` and `WHEELS`; all the rest stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MADE = "# Made by build_space.py of the service's own Dockerfile: change that one.\n"
REQUIREMENTS = """\
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/uv \\
    uv venv /app/.venv \\
    && uv pip install --python /app/.venv --require-hashes --requirement requirements.txt
"""
WHEELS = """\
COPY wheels wheels
RUN --mount=type=cache,target=/root/.cache/uv \\
    uv pip install --python /app/.venv --no-deps --compile-bytecode wheels/*.whl
"""
SOURCES = re.compile(r"(pyproject\.toml|uv\.lock|(^|/)src)$")


class NotAServiceDockerfile(ValueError):
    """The text is not that of two stages, the first of which syncs the workspace twice."""


def for_a_space(
    dockerfile: str, *, port: int, arguments: Mapping[str, str], environment: Mapping[str, str]
) -> str:
    """`arguments` become the defaults of the ARGs of that name, since a Space passes none.

    Raises NotAServiceDockerfile where `dockerfile` has no place for one of them.
    """
    build, final = stages(dockerfile)
    settings = "".join(f"ENV {name}={value}\n" for name, value in environment.items())
    return (
        f"{MADE}\n{_from_wheels(build)}{_with_defaults(final, arguments)}\n"
        f"# As a Space.\nENV PORT={port}\n{settings}EXPOSE {port}\n"
    )


def stages(dockerfile: str) -> tuple[str, str]:
    """The text of the first stage, without what stands before it, and of the last."""
    starts = [found.start() for found in re.finditer(r"^FROM ", dockerfile, re.MULTILINE)]
    if len(starts) != 2:
        raise NotAServiceDockerfile(f"it has {len(starts)} stages, not 2")
    return dockerfile[starts[0] : starts[1]], dockerfile[starts[1] :]


def copied(dockerfile: str) -> list[str]:
    """What it copies from the folder that it is built in."""
    lines = re.findall(r"^COPY (?!--from=)(.+) \S+$", dockerfile, re.MULTILINE)
    return [source for line in lines for source in line.split()]


def _from_wheels(build: str) -> str:
    installs = [REQUIREMENTS, WHEELS]
    made = []
    for instruction in _instructions(build):
        if "uv sync" in instruction:
            made.append(installs.pop(0) if installs else instruction)
        elif not all(SOURCES.search(source) for source in copied(instruction) or [""]):
            made.append(instruction)
    if installs or "uv sync" in "".join(made):
        raise NotAServiceDockerfile("its first stage does not sync twice")
    return "".join(made)


def _instructions(text: str) -> list[str]:
    """Each with the lines that continue it; comments and empty lines by themselves."""
    return re.findall(r"(?:.*\\\n)*.*\n", text)


def _with_defaults(final: str, arguments: Mapping[str, str]) -> str:
    for name, value in arguments.items():
        final, found = re.subn(
            rf"^ARG {name}(=.*)?$", f'ARG {name}="{value}"', final, flags=re.MULTILINE
        )
        if not found:
            raise NotAServiceDockerfile(f"it has no ARG {name}")
    return final
