# shellcheck shell=bash
# A private PostgreSQL.

# The server refuses to run as root, so root steps down to the account that the package made.
as_postgres() {
  if ((EUID == 0)); then
    # Somewhere that account may stand: PostgreSQL looks at its working directory.
    setpriv --reuid postgres --regid postgres --init-groups env -C / HOME=/ "$@"
  else
    "$@"
  fi
}

# Where the data goes when the account postgres cannot enter the checkout, as in a private home.
postgres_refuge() { printf '/var/tmp/pulse-%s-%s\n' "$(printf '%s' "$ROOT" | sha256sum | cut -c1-12)" "$STACK"; }

# Sets POSTGRES_DIR to a directory that only the server's account may enter.
prepare_postgres_dir() {
  POSTGRES_DIR=$STACK_DIR/postgres
  if ((EUID != 0)); then
    install -d -m 700 "$POSTGRES_DIR"
    return
  fi
  as_postgres test -x "$STACK_DIR" || POSTGRES_DIR=$(postgres_refuge)
  # Anybody may create names in /var/tmp: a prepared link or directory must not become our data.
  if [[ -L $POSTGRES_DIR || (-e $POSTGRES_DIR && $(stat -c %U "$POSTGRES_DIR") != postgres) ]]; then
    fail "$POSTGRES_DIR is not a directory of user postgres; remove it"
  fi
  install -d -m 700 -o postgres -g postgres "$POSTGRES_DIR"
}

# Prints the directory of the programs that fit the data, or the newest ones when there is none.
postgres_programs() {
  local version='' newest
  version=$(as_postgres cat "$POSTGRES_DIR/data/PG_VERSION" 2>/dev/null) || true
  newest=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  if [[ -z $version ]]; then
    printf '%s\n' "$newest"
  elif [[ -x /usr/lib/postgresql/$version/bin/postgres ]]; then
    printf '%s\n' "/usr/lib/postgresql/$version/bin"
  else
    fail "the data in $POSTGRES_DIR is of PostgreSQL $version, which is not installed; \`deploy/dev/stack wipe $STACK\` starts afresh"
  fi
}

postgres_settings() {
  cat <<CONF
listen_addresses = '127.0.0.1'
port = ${PORT[postgres]}
# TCP alone: the path of a socket may not exceed 107 bytes, and a checkout may lie deeper than that.
unix_socket_directories = ''
shared_buffers = 256MB
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%a '
log_lock_waits = on
CONF
  if [[ $STACK == test ]]; then
    cat <<'CONF'
# Test data does not outlive the machine, and every test opens pools of its own.
max_connections = 400
fsync = off
full_page_writes = off
CONF
  else
    printf 'max_connections = 200\n'
  fi
}

# Makes the data, unless it is there, and writes the settings.
prepare_postgres_data() {
  local programs data=$POSTGRES_DIR/data
  programs=$(postgres_programs)
  if ! as_postgres test -s "$data/PG_VERSION"; then
    # Renamed only when complete, so that an interrupted initdb leaves nothing that looks like data.
    as_postgres rm -rf "$data.new"
    as_postgres "$programs/initdb" -D "$data.new" -U pulse --auth=trust --locale=C.UTF-8 --encoding=UTF8 --no-sync \
      >"$LOG_DIR/initdb.log" 2>&1 || { show_log_tail initdb; fail "initdb failed"; }
    # Beside what initdb found out about this machine, such as which shared memory works.
    printf "include 'pulse.conf'\n" | as_postgres tee -a "$data.new/postgresql.conf" >/dev/null
    as_postgres mv "$data.new" "$data"
  fi
  postgres_settings | as_postgres tee "$data/pulse.conf" >/dev/null
}

# Sets POSTGRES to the command line that runs the server in the foreground.
postgres_command() {
  POSTGRES=("$(postgres_programs)/postgres" -D "$POSTGRES_DIR/data")
  ((EUID != 0)) || POSTGRES=(setpriv --reuid postgres --regid postgres --init-groups env -C / HOME=/ "${POSTGRES[@]}")
}

postgres_up() {
  local programs POSTGRES
  prepare_postgres_dir
  programs=$(postgres_programs)

  if ! is_running postgres; then
    require_free_port "${PORT[postgres]}" PostgreSQL
    say "starting PostgreSQL on 127.0.0.1:${PORT[postgres]}"
    prepare_postgres_data
    postgres_command
    launch postgres -- "${POSTGRES[@]}"
  fi

  # Recovery after a crash may take its time; a server that has ended is not waited for.
  local deadline=$((SECONDS + 60))
  until "$programs/pg_isready" -q -h 127.0.0.1 -p "${PORT[postgres]}" -U pulse -d postgres; do
    if ! is_running postgres || ((SECONDS >= deadline)); then
      show_log_tail postgres
      fail "PostgreSQL did not start"
    fi
    sleep 0.1
  done

  local query=("$programs/psql" -XqtA -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "${PORT[postgres]}" -U pulse -d postgres)
  [[ -n $("${query[@]}" -c "select 1 from pg_database where datname = 'pulse'") ]] ||
    "${query[@]}" -c 'create database pulse'
}

# SIGINT is PostgreSQL's "fast" shutdown: it ends sessions instead of waiting for them.
postgres_down() {
  ask_to_end postgres INT
  await_end postgres 60
}

postgres_wipe() {
  rm -rf -- "$STACK_DIR/postgres" "$(postgres_refuge)"
}
