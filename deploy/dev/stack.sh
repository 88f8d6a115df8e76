# shellcheck shell=bash
# A stack as a whole: its components up, down and gone.

here=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source=deploy/dev/console.sh
source "$here/console.sh"
# shellcheck source=deploy/dev/layout.sh
source "$here/layout.sh"
# shellcheck source=deploy/dev/process.sh
source "$here/process.sh"
# shellcheck source=deploy/dev/ports.sh
source "$here/ports.sh"
# shellcheck source=deploy/dev/packages.sh
source "$here/packages.sh"
# shellcheck source=deploy/dev/postgres.sh
source "$here/postgres.sh"
# shellcheck source=deploy/dev/rabbitmq.sh
source "$here/rabbitmq.sh"
# shellcheck source=deploy/dev/gateway.sh
source "$here/gateway.sh"
# shellcheck source=deploy/dev/secrets.sh
source "$here/secrets.sh"
# shellcheck source=deploy/dev/services.sh
source "$here/services.sh"

# One `make run` and one `make test` at a time; the kernel drops the lock with the process that holds it.
hold_lock() {
  exec {LOCK_FD}>"$STACK_DIR/lock"
  # A command that a killed script was waiting for keeps the lock a moment longer.
  flock -w 2 "$LOCK_FD" || fail "another \`make $STACK\` is at work in this checkout; \`deploy/dev/stack down $STACK\` ends it"
  record holder "$$"
}

# install_packages_of PART…   in one go, and nothing for a server that somebody else runs.
install_packages_of() {
  local part packages=()
  for part; do
    is_external "$part" && continue
    case $part in
      postgres) packages+=(postgresql) ;;
      rabbitmq) packages+=(rabbitmq-server) ;;
      gateway) packages+=(nginx-light) ;;
      demo) packages+=(curl) ;;
      limits) packages+=(redis-server) ;;
      clients) packages+=(nodejs npm chromium python3-venv) ;;
    esac
  done
  install_missing "${packages[@]}"
}

# components_up NAME…   side by side; all have come to an end, good or bad, when it returns.
components_up() {
  local name starter failed=0
  local starters=()

  # A signal must not leave a server half started and unrecorded, so it is obeyed after this.
  local interrupted=
  trap 'interrupted=1' INT TERM HUP
  for name; do
    if is_external "$name"; then
      say "$name: using the one that PULSE_$([[ $name == postgres ]] && echo DATABASE || echo BUS)__URL names"
      continue
    fi
    "${name}_up" &
    starters+=("$!")
  done
  for starter in "${starters[@]}"; do
    until wait "$starter"; do
      kill -0 "$starter" 2>/dev/null || { failed=1; break; }
    done
  done
  obey_signals
  [[ -z $interrupted ]] || exit "$SIGNAL_STATUS"
  ((failed == 0)) || fail "the $STACK stack did not start"
}

components_down() {
  local name enders=()
  for name; do
    "${name}_down" &
    enders+=("$!")
  done
  ((${#enders[@]} == 0)) || wait "${enders[@]}"
}

# A signal ends the script; what it started is stopped by its EXIT trap.
SIGNAL_STATUS=130
obey_signals() { trap 'exit "$SIGNAL_STATUS"' INT TERM HUP; }

# Ends `make run` or `make test` in another shell, if there is one, then whatever it left.
stack_down() {
  local holder
  if holder=$(recorded_pid holder) && [[ $holder != "$$" ]]; then
    kill -TERM "$holder"
    await 120 has_ended holder || fail "pid $holder, which holds the $STACK stack, does not end"
  fi
  services_down
  components_down "${COMPONENTS[@]}"
  rm -f "$STACK_DIR/kept"
}

stack_wipe() {
  local name
  for name in "${COMPONENTS[@]}"; do
    "${name}_wipe"
  done
}

stack_status() {
  local name state pid
  local names=("${COMPONENTS[@]}")
  [[ $STACK == test ]] || names+=("${SERVICES[@]}" receiver)
  for name in "${names[@]}"; do
    if is_external "$name"; then
      state=external
    elif pid=$(recorded_pid "$name"); then
      state="up, pid $pid"
    else
      state=down
    fi
    printf '%-20s %-20s %s\n' "$name" "$state" "127.0.0.1:${PORT[$name]:-${PORT[amqp]}}"
  done
}
