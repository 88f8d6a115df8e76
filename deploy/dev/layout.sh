# shellcheck shell=bash
# shellcheck disable=SC2034 # the names set here are read by the other files
# Where a stack lives and which ports it owns.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
readonly ROOT

# PORT_OFFSET moves every port, so that two checkouts can run on one machine.
PORT_OFFSET=${PORT_OFFSET:-0}

declare -A PORT

use_stack() {
  STACK=$1
  [[ $PORT_OFFSET =~ ^[0-9]+$ ]] || fail "PORT_OFFSET must be a whole number, not '$PORT_OFFSET'"
  case $STACK in
    run)
      PORT=(
        [gateway]=8080
        [crm-api]=8081 [ingest-gateway]=8082 [webhook-dispatcher]=8083 [incoming-trigger]=8084
        [receiver]=8090
        [postgres]=18432
        [amqp]=18672 [management]=18673 [prometheus]=18674 [epmd]=18675 [distribution]=18676
      )
      COMPONENTS=(postgres rabbitmq gateway)
      ;;
    test)
      PORT=(
        [postgres]=19432
        [amqp]=19672 [management]=19673 [prometheus]=19674 [epmd]=19675 [distribution]=19676
      )
      COMPONENTS=(postgres rabbitmq)
      ;;
    bench)
      PORT=(
        [crm-api]=17081 [webhook-dispatcher]=17083
        [postgres]=17432
        [amqp]=17672 [management]=17673 [prometheus]=17674 [epmd]=17675 [distribution]=17676
      )
      COMPONENTS=(postgres rabbitmq)
      ;;
    *) fail "there is no stack '$STACK': it is run, test or bench" ;;
  esac

  local name
  for name in "${!PORT[@]}"; do
    PORT[$name]=$((PORT[$name] + PORT_OFFSET))
  done

  STACK_DIR=$ROOT/.dev/$STACK
  LOG_DIR=$STACK_DIR/log
  PID_DIR=$STACK_DIR/pid
  DATABASE=${PULSE_DATABASE__URL:-postgres://pulse@127.0.0.1:${PORT[postgres]}/pulse}
  BUS=${PULSE_BUS__URL:-amqp://guest:guest@127.0.0.1:${PORT[amqp]:-0}/%2f}
}

prepare_stack_dirs() {
  # 755 whatever the umask: PostgreSQL runs as another user and has to pass through.
  install -d -m 755 "$ROOT/.dev" "$STACK_DIR" "$LOG_DIR" "$PID_DIR"
}

# Whether a server of somebody else stands in for a component.
is_external() {
  case $1 in
    postgres) [[ -n ${PULSE_DATABASE__URL:-} ]] ;;
    rabbitmq) [[ -n ${PULSE_BUS__URL:-} ]] ;;
    *) return 1 ;;
  esac
}
