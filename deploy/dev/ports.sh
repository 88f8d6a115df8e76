# shellcheck shell=bash
# Who listens where. Reads /proc, because neither ss nor curl is on every Debian.

# Prints "name (pid N)" for the process that listens on a port; fails when nobody does.
port_owner() {
  local inode fd pid
  inode=$(awk -v port="$(printf ':%04X' "$1")" \
    '$4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  [[ -n $inode ]] || return 1
  fd=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\[$inode\]" -print -quit 2>/dev/null || true)
  if [[ -z $fd ]]; then
    printf 'a process of another user\n'
    return
  fi
  pid=${fd#/proc/}
  pid=${pid%%/*}
  printf '%s (pid %s)\n' "$(<"/proc/$pid/comm")" "$pid"
}

# require_free_port PORT USE
require_free_port() {
  local owner
  owner=$(port_owner "$1") || return 0
  fail "port $1, which the $STACK stack needs for $2, is taken by $owner." \
    "Stop that process, or move all ports: PORT_OFFSET=100 make $STACK"
}

is_listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Prints the status of GET http://127.0.0.1:PORT/PATH, 000 without an answer.
http_status() {
  local status
  status=$(
    exec 2>/dev/null
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
    read -r -t 5 _ status _ <&3 && printf '%s' "$status"
  ) || true
  printf '%s\n' "${status:-000}"
}

answers_200() { [[ $(http_status "$1" "$2") == 200 ]]; }
