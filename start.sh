#!/usr/bin/env bash
# Runs Assay, tests it, trains it, reports. Written for bash 3.2 (macOS) and newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

UV_VERSION=0.9.30 # fetched where no uv is at hand; the Dockerfiles name the same one
ENVIRONMENT=${UV_PROJECT_ENVIRONMENT:-.venv}
LASTING_FAULT_SECONDS=8 # as scripts/serve.py has it
unset VIRTUAL_ENV # another project's active environment is none of ours
export ORT_DISABLE_TELEMETRY=1 # ONNX Runtime's, on by default

usage() {
  cat <<'TEXT'
Usage: ./start.sh [--local | --docker]   run the backend and the dashboard until Ctrl-C
       ./start.sh stop                   end what was left running in Docker, of every profile
       ./start.sh logs                   follow the logs of the Docker services
       ./start.sh test [PYTEST ARGS]     the whole suite, set up from nothing
       ./start.sh train [ARGS]           the training flow (see: ./start.sh train --help)
       ./start.sh report [ARGS]          the daily report, into report.md and report.html

BACKEND_PORT (8000) and FRONTEND_PORT (8501) move the ports, ASSAY_MARKET_SOURCE chooses
live, auto, replay or simulated market data. env.example lists every setting.
TEXT
}

say() { printf '%s\n' "$*"; }
fail() {
  printf 'start.sh: %s\n' "$*" >&2
  exit 1
}

# Settings from .env, as Compose reads it: data that is never run; what is already set wins.
load_env_file() {
  [ -f .env ] || return 0
  local known blank='^[[:space:]]*(#.*)?$' number=0 ours=' ' line key value wanted
  local setting='^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*[=:](.*)$'
  known=$(<env.example)
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1)) wanted='NAME=value is'
    if [ "$number" -eq 1 ]; then line=${line#$'\xef\xbb\xbf'}; fi # the mark of some editors
    if [[ $line =~ $blank ]]; then continue; fi
    if [[ $line =~ $setting ]]; then
      key=${BASH_REMATCH[2]}
      if read_value "${BASH_REMATCH[3]}"; then
        if [ -z "${!key+set}" ] || [[ $ours == *" $key "* ]]; then
          export "$key=$value"
          ours="$ours$key "
        fi
        if [[ $known != *"# $key="* ]] && is_misspelt "$key" "$known"; then
          say "start.sh: .env, line $number: no setting is called $key; env.example has all." >&2
        fi
        continue
      fi
    fi
    say "start.sh: .env, line $number, is passed over: $wanted wanted." >&2 # it may be a secret
  done <.env
}

# Whether a name that env.example does not have is meant to be one of it. Some products have hundreds of
# their own, so those only where they are nearly one of ours.
is_misspelt() {
  local line ours='^# ([A-Z_]+)='
  case $1 in
    PROMETHEUS_MULTIPROC_DIR | PROMETHEUS_DISABLE_CREATED_SERIES) return 1 ;;
    ASSAY_* | BACKEND_* | FRONTEND_* | API_* | GRAFANA_* | PROMETHEUS_*) return 0 ;;
    MLFLOW_* | PREFECT_* | DATABRICKS_*) ;;
    *) return 1 ;;
  esac
  while IFS= read -r line; do
    if [[ $line =~ $ours ]] && is_nearly "$1" "${BASH_REMATCH[1]}"; then return; fi
  done <<<"$2"
  return 1
}

is_nearly() { # but for a letter too few, too many or wrong, or two the wrong way round
  local one=$1 other=$2
  while [ -n "$one" ] && [ "${one:0:1}" = "${other:0:1}" ]; do one=${one:1} other=${other:1}; done
  while [ -n "$one" ] && [ "${one#"${one%?}"}" = "${other#"${other%?}"}" ]; do
    one=${one%?} other=${other%?}
  done
  case ${#one}${#other} in
    01 | 10 | 11) return 0 ;;
    22) [ "$one" = "${other:1}${other:0:1}" ] ;;
    *) return 1 ;;
  esac
}

# Sets the caller's `value`, or fails and sets `wanted`.
read_value() { # what stands behind NAME=
  local quote="'" style=plain rest mark
  local double='^[[:space:]]*"(([^"\]|\\.)*)"[[:space:]]*(#.*)?$'
  local single="^[[:space:]]*'(([^'\\]|\\\\.)*)'[[:space:]]*(#.*)?\$"
  local next='^([^\$]*)([\$])(.*)$'
  if [[ $1 =~ $single ]]; then
    value=${BASH_REMATCH[1]}
    value=${value//"\\$quote"/$quote}
    return
  elif [[ $1 =~ $double ]]; then
    style=double rest=${BASH_REMATCH[1]}
  else
    rest=${1%% #*}
    rest=${rest#"${rest%%[![:space:]]*}"}
    rest=${rest%"${rest##*[![:space:]]}"}
    case $rest in
      \"* | \'*)
        wanted='the closing quote, with nothing but a # comment behind it, is'
        return 1
        ;;
    esac
  fi
  value=
  while [[ $rest =~ $next ]]; do
    value=$value${BASH_REMATCH[1]} mark=${BASH_REMATCH[2]} rest=${BASH_REMATCH[3]}
    case $style$mark${rest:0:1} in
      'double\n') mark=$'\n' ;;
      'double\r') mark=$'\r' ;;
      'double\t') mark=$'\t' ;;
      double\\[\"\\\$] | *'$$') mark=${rest:0:1} ;;
      *\$[A-Za-z_] | *\$\{)
        wanted='a value written out, in single quotes where a $ means itself, is'
        return 1
        ;;
      *)
        value=$value$mark
        continue
        ;;
    esac
    value=$value$mark rest=${rest:1}
  done
  value=$value$rest
}

require_ports() {
  BACKEND_PORT=${BACKEND_PORT:-8000} FRONTEND_PORT=${FRONTEND_PORT:-8501}
  export BACKEND_PORT FRONTEND_PORT
  local name port
  for name in BACKEND_PORT FRONTEND_PORT; do
    port=${!name}
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
      fail "$name is \"$port\", which is not a port: give a number from 1 to 65535."
    fi
  done
  if [ "$BACKEND_PORT" -eq "$FRONTEND_PORT" ]; then
    fail "BACKEND_PORT and FRONTEND_PORT are both $BACKEND_PORT: give two different ports."
  fi
}

# A pyenv shim may stand on the PATH and still fail, so each candidate has to answer.
is_supported_python() {
  "$1" -c 'import sys
sys.exit(sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
    >/dev/null 2>&1
}

look_for_python() {
  local candidate
  # The environment's own interpreter comes first, or uv would rebuild it for another version.
  for candidate in "$ENVIRONMENT/bin/python" python3.13 python3.12 python3.11 python3 python; do
    if is_supported_python "$candidate"; then
      PYTHON=$("$candidate" -c 'import sys; print(sys.executable)')
      return
    fi
  done
  return 1
}

find_python() {
  look_for_python || fail "No Python 3.11, 3.12 or 3.13 was found: install one" \
    "(https://www.python.org/downloads/) and run ./start.sh again."
}

# required-version in pyproject.toml asks for 0.9 or newer.
is_recent_uv() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  case $version in "uv 0."[0-8].* | "uv 0."[0-8]) return 1 ;; "uv "*) return 0 ;; *) return 1 ;; esac
}

find_uv() {
  local candidate
  for candidate in uv "$PWD/.tools/uv/bin/uv"; do
    if is_recent_uv "$candidate"; then
      UV=$candidate
      return
    fi
  done
  install_uv
  UV=$PWD/.tools/uv/bin/uv
}

# A private environment where Python can make one; pip alone elsewhere (Debian parts the two, and
# its pip refuses system installs, which --target is not).
install_uv() {
  local pip
  say "Getting uv $UV_VERSION into .tools/ ..."
  rm -rf .tools/uv
  if "$PYTHON" -m venv .tools/uv >"$RUN_DIR/setup.log" 2>&1; then
    pip=(.tools/uv/bin/python -m pip install)
  elif "$PYTHON" -m pip --version >>"$RUN_DIR/setup.log" 2>&1; then
    rm -rf .tools/uv
    pip=("$PYTHON" -m pip install --target .tools/uv)
  else
    rm -rf .tools/uv
    fail "$PYTHON has neither venv nor pip: install them (on Debian: apt install python3-venv)" \
      "or uv (https://docs.astral.sh/uv/) and run ./start.sh again."
  fi
  if ! PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 "${pip[@]}" --quiet --retries 1 --timeout 30 \
    "uv==$UV_VERSION" >>"$RUN_DIR/setup.log" 2>&1 || ! is_recent_uv .tools/uv/bin/uv; then
    rm -rf .tools/uv
    fail "uv could not be downloaded with pip: check the network or the proxy settings and run" \
      "./start.sh again (details in $RUN_DIR/setup.log)."
  fi
}

make_run_folder() {
  RUN_DIR=${ASSAY_DATA_DIR:-data}/run
  if ! { mkdir -p -- "$RUN_DIR" && : >>"$RUN_DIR/setup.log"; } 2>/dev/null; then
    fail "ASSAY_DATA_DIR is \"${ASSAY_DATA_DIR:-data}\", where logs cannot be written: it should be a" \
      "folder that this user can write in, or can make."
  fi
}

sync_environment() { # the options of uv sync that say what to install
  local log=$RUN_DIR/setup.log complete=$ENVIRONMENT/.complete
  if [ ! -f "$complete" ]; then
    say "Installing into $ENVIRONMENT (the first time only, some minutes on a slow line) ..."
    set -- --compile-bytecode "$@"
  fi
  if UV_PYTHON_DOWNLOADS=never "$UV" sync --frozen --python "$PYTHON" "$@" >"$log" 2>&1; then
    touch "$complete"
    return
  fi
  if grep -qiE 'failed to (fetch|download)|error sending request|dns error|timed out' "$log"; then
    fail "The packages could not be downloaded: check the network or the proxy settings and run" \
      "./start.sh again (details in $log)."
  fi
  fail "Installing failed, and $log says why: $(tail -n 1 "$log")"
}

prepare() { # as for sync_environment
  find_python
  make_run_folder
  find_uv
  sync_environment "$@"
}

name_build() { # what /version shows
  ASSAY_GIT_COMMIT=${ASSAY_GIT_COMMIT:-$(scripts/git_commit.sh 2>/dev/null || true)}
  export ASSAY_GIT_COMMIT
}

run_local() {
  find_python
  "$PYTHON" scripts/serve.py --check
  case ${ASSAY_MODEL_URI:-} in models:/*) set -- --extra registry ;; *) set -- ;; esac
  prepare --no-dev --inexact --package assay-backend --package assay-frontend "$@"
  name_build
  exec "$ENVIRONMENT/bin/python" scripts/serve.py --logs "$RUN_DIR"
}

# Compose has to reach the engine, and in bounded time: a client can wait minutes for a Docker
# Desktop that is not running.
docker_answers() {
  command -v docker >/dev/null 2>&1 || return 1
  docker compose ls --quiet >/dev/null 2>&1 </dev/null &
  local client=$!
  for _ in {1..50}; do
    if ! kill -0 "$client" 2>/dev/null; then
      wait "$client"
      return
    fi
    sleep 0.1
  done
  kill -KILL "$client" 2>/dev/null || true
  wait "$client" 2>/dev/null || true
  say "Docker did not answer within 5 seconds." >&2
  return 1
}

require_docker() {
  docker_answers || fail "No Docker engine with Compose answers: start Docker, or use" \
    "./start.sh --local, which ends with Ctrl-C."
}

require_free_ports() {
  local name
  for name in BACKEND_PORT FRONTEND_PORT; do
    if (exec 3<>"/dev/tcp/127.0.0.1/${!name}") 2>/dev/null; then
      fail "Port ${!name} is in use: free it, or choose another with $name."
    fi
  done
}

# Compose binds these into the container, and takes a path without a slash in front for a volume's
# name. A registry's champion needs another part of the image.
resolve_paths() {
  local name
  case ${ASSAY_MODEL_URI:-} in
    '') ;;
    models:/*) export ASSAY_BACKEND_EXTRA=registry ;;
    *)
      export ASSAY_BUNDLE_FOLDER="$ASSAY_MODEL_URI" ASSAY_MODEL_URI=data/processed
      ;;
  esac
  for name in ASSAY_BUNDLE_FOLDER ASSAY_REPLAY_GOLD_CSV ASSAY_REPLAY_SP500_CSV; do
    case ${!name:-} in '' | /*) ;; *) export "$name=$PWD/${!name}" ;; esac
  done
}

# bash runs a trap only once the command in the foreground has ended, but at once during a wait.
in_reach_of_signals() {
  "$@" &
  CHILD=$!
  wait "$CHILD"
}

stop_child() {
  if kill "$CHILD" 2>/dev/null; then wait "$CHILD" || true; fi
}

end_child() {
  trap '' INT TERM HUP
  stop_child
}

leave_docker() {
  end_child
  if [ -n "$RAN_BEFORE" ]; then
    say "Assay ran in Docker before, and is not stopped: ./start.sh stop does that." >&2
  fi
}

# Stops the profiles that `up` started, which COMPOSE_PROFILES names to both: whoever started others
# by hand, as monitoring, has them still. `stop` is for all.
end_docker() {
  end_child
  docker compose down --timeout 10
}

# What the backend answers to a GET of that path, or nothing.
ask_backend() {
  local answer=
  {
    exec 3<>"/dev/tcp/127.0.0.1/$BACKEND_PORT" && printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3 &&
      { IFS= read -r -d '' -t 5 answer <&3 || true; } && printf '%s' "$answer"
  } 2>/dev/null || true
}

# What a backend that is up and not healthy lists under `problems`.
complaint() {
  local listed='"problems": ?\[("[^]]+")\]'
  if [[ $(ask_backend /health) =~ $listed ]]; then printf ' The backend says: %s' "${BASH_REMATCH[1]}"; fi
}

# Why a backend that is up has no champion, or nothing.
lasting_fault() {
  local answer none='"champion_loaded": ?false' first='"problems": ?\["(([^"\]|\\.)*)"' fault
  answer=$(ask_backend /readyz)
  if [[ $answer =~ $none && $answer =~ $first ]]; then
    fault=${BASH_REMATCH[1]//\\\"/\"}
    printf '%s' "${fault//\\\\/\\}"
  fi
}

# Waits for Compose, but not for what does not pass by itself: that it leaves in FAULT, and fails.
# A registry's champion may be on its way.
watch_start() {
  local found seen='' since=$SECONDS
  docker compose up --detach --wait --wait-timeout 300 &
  CHILD=$!
  while kill -0 "$CHILD" 2>/dev/null; do
    found=$(lasting_fault)
    if [ "$found" != "$seen" ]; then
      seen=$found since=$SECONDS
      if [ -n "$seen" ]; then say "The backend is up, but not healthy yet: $seen"; fi
    fi
    case ${ASSAY_MODEL_URI:-} in models:/*) since=$SECONDS ;; esac
    if [ -n "$seen" ] && [ $((SECONDS - since)) -ge "$LASTING_FAULT_SECONDS" ]; then
      FAULT=$seen
      stop_child
      return 1
    fi
    sleep 1
  done
  wait "$CHILD"
}

# Without what a service logs of being asked, by us and the engine, how it is.
show_last_lines() {
  docker compose logs --no-log-prefix --tail 200 2>&1 |
    grep -vE 'GET (/health|/readyz) 503' | tail -n 20 >&2 || true
}

run_docker() {
  RAN_BEFORE=$(docker compose ps --quiet) || fail "Docker Compose does not tell what is running," \
    "and why stands above."
  if [ -z "$RAN_BEFORE" ]; then require_free_ports; fi
  name_build
  resolve_paths
  ASSAY_BUILD_TIME=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  export ASSAY_BUILD_TIME
  CHILD=
  trap leave_docker EXIT
  trap 'exit 0' INT TERM HUP
  say "Building the images (some minutes the first time) ..."
  if ! in_reach_of_signals docker compose build; then
    fail "The images could not be built, and why stands above: nothing was started."
  fi
  # What ran before is not ours to stop until we have taken its place.
  if [ -z "$RAN_BEFORE" ]; then trap end_docker EXIT; fi
  say "Starting them ..."
  FAULT=
  if ! watch_start; then
    show_last_lines
    if [ -n "$FAULT" ]; then
      fail "The backend cannot serve, and waiting does not mend that: $FAULT"
    fi
    fail "The services did not become healthy; their last lines stand above.$(complaint)"
  fi
  trap end_docker EXIT
  say "Assay is running in Docker. Ctrl-C stops it."
  say "  Dashboard  http://127.0.0.1:$FRONTEND_PORT"
  say "  API        http://127.0.0.1:$BACKEND_PORT/docs"
  while [ -n "$(docker compose ps --quiet)" ]; do in_reach_of_signals sleep 2; done
  say "Assay was stopped."
}

run() { # local, docker, or nothing for whichever fits this machine
  require_ports
  export ASSAY_MARKET_SOURCE="${ASSAY_MARKET_SOURCE:-auto}"
  case ${1:-} in
    docker) require_docker ;;
    local) run_local ;;
    *) docker_answers || run_local ;;
  esac
  run_docker
}

run_tests() {
  prepare --all-packages
  # No test phones home, whatever library it loads.
  export PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 MLFLOW_DISABLE_TELEMETRY=true
  export STREAMLIT_BROWSER_GATHER_USAGE_STATS=false
  local status=0 check
  for check in "ruff check" "ruff format --check" mypy lint-imports; do
    say "== $check"
    # shellcheck disable=SC2086 # the words of $check are the command and its arguments
    "$UV" run --no-sync $check || status=1
  done
  say "== pytest $*"
  "$UV" run --no-sync pytest --numprocesses 2 "$@" || status=$?
  exit "$status"
}

run_training() {
  if ! look_for_python && docker_answers; then
    name_build
    resolve_paths
    exec docker compose --profile training run --build --rm training "$@"
  fi
  prepare --no-dev --inexact --package assay-training
  exec "$ENVIRONMENT/bin/assay-train" run "$@"
}

# What runs in Docker keeps its data there, so its report is asked for; otherwise the report is made
# from the data here, whether or not a service is running.
run_report() {
  require_ports
  prepare --no-dev --inexact --package assay-backend
  export ASSAY_MARKET_SOURCE="${ASSAY_MARKET_SOURCE:-auto}"
  if docker_answers 2>/dev/null && [ -n "$(docker compose ps --quiet backend 2>/dev/null)" ]; then
    set -- --service "http://127.0.0.1:$BACKEND_PORT" "$@"
  fi
  exec "$ENVIRONMENT/bin/assay-report" "$@"
}

main() {
  local command=${1:-}
  [ $# -eq 0 ] || shift
  case $command in
    test | -h | --help) ;; # the suite looks after its own settings
    *) load_env_file ;;
  esac
  case $command in
    '') run ;;
    --local) run local ;;
    --docker) run docker ;;
    stop) require_docker && docker compose --profile '*' down --timeout 10 ;;
    logs) require_docker && exec docker compose logs --follow --tail 100 ;;
    test) run_tests "$@" ;;
    train) run_training "$@" ;;
    report) run_report "$@" ;;
    -h | --help) usage ;;
    *)
      printf 'start.sh: unknown command "%s"\n' "$command" >&2
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
