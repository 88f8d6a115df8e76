# shellcheck shell=bash
# A private RabbitMQ with its own epmd, Erlang's name server.

readonly BROKER_PROGRAMS=/usr/lib/rabbitmq/bin

# Fills the array ENVIRONMENT with all that keeps the node within its directory and its ports.
rabbitmq_environment() {
  local home=$STACK_DIR/rabbitmq
  ENVIRONMENT=(
    HOME="$home" # where Erlang keeps its cookie
    ERL_EPMD_ADDRESS=127.0.0.1
    ERL_EPMD_PORT="${PORT[epmd]}"
    RABBITMQ_NODENAME="pulse-$STACK@localhost"
    RABBITMQ_DIST_PORT="${PORT[distribution]}"
    RABBITMQ_MNESIA_BASE="$home/data"
    RABBITMQ_LOG_BASE="$home/log"
    RABBITMQ_LOGS=-
    RABBITMQ_PID_FILE="$home/pid"
    # Every one of these has a system-wide default that must not be read.
    RABBITMQ_CONF_ENV_FILE="$home/environment"
    RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf"
    RABBITMQ_ADVANCED_CONFIG_FILE="$home/advanced.config"
    RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins"
    # Without busy waiting an idle node costs no CPU.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
    # Replaces the shell that otherwise stays in front of the node, so that the record is of the node itself.
    RABBITMQ_ALLOW_INPUT=1
    RABBITMQ_SERVER_START_ARGS="-noinput -start_epmd false"
  )
}

write_rabbitmq_files() {
  local home=$STACK_DIR/rabbitmq
  install -d "$home/data" "$home/log"
  : >"$home/environment"
  printf '[].\n' >"$home/advanced.config"
  # Not where nobody looks at them: they take the longest to start.
  if [[ -n ${PORT[management]:-} ]]; then
    printf '[rabbitmq_management,rabbitmq_prometheus].\n' >"$home/enabled_plugins"
  else
    printf '[].\n' >"$home/enabled_plugins"
  fi
  # Absolute limits: relative ones follow the size of the machine, and a half-full disk would stop publishers.
  cat >"$home/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:${PORT[amqp]}
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 500MB
raft.wal_max_size_bytes = 67108864
log.connection.level = warning
CONF
  [[ -z ${PORT[management]:-} ]] || cat >>"$home/rabbitmq.conf" <<CONF
management.tcp.ip = 127.0.0.1
management.tcp.port = ${PORT[management]}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = ${PORT[prometheus]}
CONF
}

rabbitmq_up() {
  local ENVIRONMENT epmd name
  rabbitmq_environment
  if ! is_running rabbitmq; then
    for name in amqp management prometheus distribution; do
      require_free_port "${PORT[$name]}" "RabbitMQ ($name)"
    done
    say "starting RabbitMQ on 127.0.0.1:${PORT[amqp]}"
    write_rabbitmq_files
    if ! is_running epmd; then
      require_free_port "${PORT[epmd]}" "RabbitMQ (epmd)"
      epmd=$(find_program epmd) || fail "epmd, a part of Erlang, is not found"
      launch epmd "${ENVIRONMENT[@]}" -- "$epmd"
      await 10 is_listening "${PORT[epmd]}" || { show_log_tail epmd; fail "epmd did not start"; }
    fi
    # What the caller's environment says about another RabbitMQ must not reach this one.
    for name in "${!RABBITMQ_@}"; do
      unset "$name"
    done
    launch rabbitmq "${ENVIRONMENT[@]}" -- "$BROKER_PROGRAMS/rabbitmq-server"
  fi

  local deadline=$((SECONDS + 90))
  until grep -qs 'Server startup complete' "$LOG_DIR/rabbitmq.log"; do
    if ! is_running rabbitmq || ((SECONDS >= deadline)); then
      show_log_tail rabbitmq
      fail "RabbitMQ did not start"
    fi
    sleep 0.1
  done
}

rabbitmq_down() {
  ask_to_end rabbitmq TERM
  await_end rabbitmq 60
  ask_to_end epmd TERM
  await_end epmd 5
}

rabbitmq_wipe() { rm -rf -- "$STACK_DIR/rabbitmq"; }
