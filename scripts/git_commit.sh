#!/bin/sh
# The commit that images, Spaces and /version tell, with -dirty behind it where what they are made of
# is not as it was committed. That of this clone, whoever owns it; nothing where this is none.
set -eu
cd "${0%/*}/.."
[ -e .git ] || exit 0

here() { git --git-dir=.git --work-tree=. --no-optional-locks -c core.fsmonitor=false "$@" 2>/dev/null; }

commit=$(here rev-parse --verify --quiet HEAD) || exit 0
changed=$(here status --porcelain -- pyproject.toml uv.lock ':(glob)*/pyproject.toml' \
  ':(glob)*/src/**' ':(glob)*/Dockerfile' training/entrypoint.sh scripts/slim_environment.py \
  huggingface data/processed) || changed=unknown
printf '%s%s\n' "$commit" "${changed:+-dirty}"
