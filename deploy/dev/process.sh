# shellcheck shell=bash
# Starting, remembering and ending processes.
#
# A record holds a pid and the moment that process was born, so that a pid that the kernel has given to
# somebody else since is never mistaken for ours, let alone killed.

# Prints the birth of a living process, in clock ticks since boot.
process_birth() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The second field is the program's name in brackets and may itself hold spaces and brackets.
  read -r -a fields <<<"${stat##*) }"
  # A zombie is dead: in a container whose first process reaps nobody it would look alive for ever.
  [[ ${fields[0]} != [ZX] ]] && printf '%s\n' "${fields[19]}"
}

record() { printf '%s %s\n' "$2" "$(process_birth "$2")" >"$PID_DIR/$1"; }

# Prints the pid of a recorded process that still lives.
recorded_pid() {
  local pid birth
  { read -r pid birth <"$PID_DIR/$1"; } 2>/dev/null || return 1
  [[ -n $birth && $(process_birth "$pid") == "$birth" ]] && printf '%s\n' "$pid"
}

is_running() { recorded_pid "$1" >/dev/null; }

has_ended() { ! is_running "$1"; }

# Polls a condition ten times a second until it holds.
await() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# spawn [NAME=VALUE…] -- COMMAND…   starts COMMAND in a session of its own and sets SPAWNED.
spawn() {
  local settings=()
  while [[ $1 != -- ]]; do
    settings+=("$1")
    shift
  done
  shift
  (
    # A daemon that keeps the stack's lock open would hold it beyond the script that took it.
    [[ -z ${LOCK_FD:-} ]] || exec {LOCK_FD}>&-
    # make's job server is not handed down, only the variable that speaks of it.
    unset MAKEFLAGS MFLAGS
    # What the user has set for all goes to those alone that know it: services refuse the rest.
    unset PULSE_DATABASE__URL PULSE_BUS__URL
    # More than the usual 1024 connections, yet not the billion that some containers allow: Erlang reserves
    # memory for every descriptor that it may open.
    ulimit -Sn 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
    # Exported here rather than given to env(1): arguments are visible to every user of the machine.
    ((${#settings[@]} == 0)) || export "${settings[@]?}"
    # Bash makes its background jobs ignore these two, which would go down to every grandchild.
    exec env --default-signal=INT,QUIT setsid "$@"
  ) &
  SPAWNED=$!
}

# launch NAME [NAME=VALUE…] -- COMMAND…   starts a recorded daemon that writes to its own log.
launch() {
  local name=$1 log=$LOG_DIR/$1.log
  shift
  [[ ! -s $log ]] || mv -f "$log" "$log.1"
  spawn "$@" >"$log" 2>&1 </dev/null
  record "$name" "$SPAWNED"
  # Bash would report its end with the text of the whole subshell.
  disown "$SPAWNED"
}

show_log_tail() {
  printf '[dev] the end of %s:\n' "$LOG_DIR/$1.log" >&2
  tail -n 25 "$LOG_DIR/$1.log" >&2 || true
}

# attended [NAME=VALUE…] -- COMMAND…   runs COMMAND to its end; end_attended can cut it short.
#
# Bash runs a trap only when its foreground command is over. Waiting for a background one instead lets
# Ctrl-C and `make stop` act at once, in the middle of a build too.
ATTENDED=
attended() {
  local status=0
  spawn "$@"
  ATTENDED=$SPAWNED
  wait "$ATTENDED" || status=$?
  ATTENDED=
  return "$status"
}

end_attended() {
  [[ -n $ATTENDED ]] || return 0
  local group=$ATTENDED
  ATTENDED=
  kill -TERM -- "-$group" 2>/dev/null || return 0
  await 15 group_has_ended "$group" || kill -KILL -- "-$group" 2>/dev/null || true
}

group_has_ended() { ! kill -0 -- "-$1" 2>/dev/null; }

# ask_to_end NAME SIGNAL
ask_to_end() {
  local pid
  pid=$(recorded_pid "$1") || return 0
  kill -s "$2" "$pid" 2>/dev/null || true
}

# await_end NAME SECONDS   kills what has not ended by itself, with all that it started.
await_end() {
  local pid
  if pid=$(recorded_pid "$1") && ! await "$2" has_ended "$1"; then
    say "$1 did not stop within $2 s: killing it"
    kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
    await 5 has_ended "$1" || true
  fi
  rm -f "$PID_DIR/$1"
}
