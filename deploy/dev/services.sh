# shellcheck shell=bash
# The four services and the demo receiver: what each is told, how they are built, started and ended.

readonly SERVICES=(crm-api ingest-gateway webhook-dispatcher incoming-trigger)

# Fills the array SETTINGS with the environment of a service. Services refuse settings that they do not know,
# so each gets its own and none is exported to all.
service_settings() {
  local loopback=127.0.0.0/8
  SETTINGS=(
    PULSE_DATABASE__URL="$DATABASE"
    PULSE_HTTP__LISTEN="127.0.0.1:${PORT[$1]:-0}"
    PULSE_HTTP__TRUSTED_PROXIES=127.0.0.1/32
  )
  case $1 in
    crm-api)
      SETTINGS+=(
        PULSE_BUS__URL="$BUS"
        PULSE_SECURITY__MASTER_KEY="$(secret MASTER_KEY)"
        PULSE_SECURITY__SESSION_KEY="$(secret SESSION_KEY)"
        PULSE_SECURITY__INTERNAL_KEY="$(secret INTERNAL_KEY)"
        PULSE_GATEWAY__URL="$(gateway_url)"
        PULSE_SESSION__INSECURE_COOKIES=true
        PULSE_MAIL__DIRECTORY="$STACK_DIR/mail"
        PULSE_EGRESS__ALLOW="$loopback"
      )
      ;;
    ingest-gateway)
      SETTINGS+=(
        PULSE_BUS__URL="$BUS"
      )
      ;;
    webhook-dispatcher)
      SETTINGS+=(
        PULSE_BUS__URL="$BUS"
        PULSE_SECURITY__MASTER_KEY="$(secret MASTER_KEY)"
        PULSE_EGRESS__ALLOW="$loopback"
      )
      ;;
    incoming-trigger)
      SETTINGS+=(
        PULSE_SECURITY__INTERNAL_KEY="$(secret INTERNAL_KEY)"
        PULSE_CRM__URL="http://127.0.0.1:${PORT[crm-api]:-0}"
      )
      ;;
  esac
}

gateway_url() { printf 'http://127.0.0.1:%s\n' "${PORT[gateway]:-0}"; }

receiver_url() { printf 'http://127.0.0.1:%s/\n' "${PORT[receiver]}"; }

# Prints where cargo puts programs of a profile, which settings and variables of the user may move.
program_dir() {
  cargo metadata --no-deps --offline --format-version 1 |
    sed -n 's|.*"target_directory":"\([^"]*\)".*|\1/'"${1:-debug}"'|p'
}

build_services() {
  # One call, with the examples: tests need the same features of everything, so nothing is built twice.
  attended -- cargo build --workspace --bins --examples --locked
  PROGRAMS=$(program_dir)
}

# run_crm_api ARGUMENT…   runs a subcommand of crm-api to its end.
run_crm_api() {
  local SETTINGS
  service_settings crm-api
  attended "${SETTINGS[@]}" -- "$PROGRAMS/crm-api" "$@"
}

start_service() {
  local SETTINGS
  service_settings "$1"
  launch "$1" "${SETTINGS[@]}" -- "$PROGRAMS/$1"
}

start_services() {
  local name
  for name in "${SERVICES[@]}"; do
    require_free_port "${PORT[$name]}" "$name"
    start_service "$name"
  done
  for name in "${SERVICES[@]}"; do
    await_ready "$name"
  done
}

await_ready() {
  local deadline=$((SECONDS + 60))
  until answers_200 "${PORT[$1]}" /readyz; do
    if ! is_running "$1"; then
      show_log_tail "$1"
      fail "$1 ended instead of becoming ready"
    fi
    if ((SECONDS >= deadline)); then
      show_log_tail "$1"
      fail "$1 is not ready after 60 s: GET http://127.0.0.1:${PORT[$1]}/readyz answers $(http_status "${PORT[$1]}" /readyz)"
    fi
    sleep 0.1
  done
}

start_receiver() {
  require_free_port "${PORT[receiver]}" 'the demo receiver'
  launch receiver RECEIVER_LISTEN="127.0.0.1:${PORT[receiver]}" RECEIVER_SECRET="$(<"$STACK_DIR/receiver.secret")" -- \
    "$PROGRAMS/examples/receiver"
}

# Starts again what ends, as a supervisor would in production; gives up on what keeps ending at once.
supervise_services() {
  local name tick
  local -A started=() failures=()
  for name in "${SERVICES[@]}"; do
    started[$name]=$SECONDS
  done
  while :; do
    sleep 1 {LOCK_FD}>&- &
    tick=$!
    wait "$tick"
    for name in "${SERVICES[@]}"; do
      is_running "$name" && continue
      show_log_tail "$name"
      if ((SECONDS - started[$name] < 10)); then
        failures[$name]=$((${failures[$name]:-0} + 1))
      else
        failures[$name]=0
      fi
      ((${failures[$name]} < 3)) || fail "$name keeps ending"
      say "$name has ended: starting it again"
      start_service "$name"
      started[$name]=$SECONDS
    done
  done
}

services_down() {
  local name
  for name in "${SERVICES[@]}" receiver; do
    ask_to_end "$name" TERM
  done
  for name in "${SERVICES[@]}" receiver; do
    await_end "$name" 30
  done
}
