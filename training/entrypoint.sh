#!/bin/sh
# `assay-train run` with the options given, or the other command of assay-train that comes first.
#
# The mounted folders belong to somebody of the host, whose files the champion's are to be. Root,
# which only Compose starts this as, and without the rights that make it root, becomes that owner.
set -eu

case ${1:-} in
  '' | -*) set -- run "$@" ;;
esac

owner=$(stat --format %u:%g data/processed)
if [ "$(id -u)" = 0 ] && [ "$(id -u):$(id -g)" != "$owner" ]; then
  exec setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups "$0" "$@"
fi

for folder in data data/raw data/processed; do
  if [ ! -w "$folder" ]; then
    echo "assay-train: $folder belongs to $(stat --format 'user %u, group %g' "$folder") and" \
      "cannot be written by user $(id -u), group $(id -g): let it belong to the owner of" \
      "data/processed (chown), or mount another folder at /app/$folder" >&2
    exit 2
  fi
done
exec assay-train "$@"
