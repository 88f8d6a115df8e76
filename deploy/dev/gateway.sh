# shellcheck shell=bash
# The nginx in front of the services.

readonly GATEWAY_TEMPLATE=$ROOT/deploy/gateway/nginx.conf.template

# render_gateway FILE PORT CRM_PORT INGEST_PORT TRIGGER_PORT DIR ACCESS_LOG
render_gateway() {
  local text name
  text=$(<"$GATEWAY_TEMPLATE")
  local -A value=(
    [WORKERS]=1
    [LISTEN]=127.0.0.1:$2
    [CRM]=127.0.0.1:$3
    [INGEST]=127.0.0.1:$4
    [TRIGGER]=127.0.0.1:$5
    [DIR]=$6
    [ACCESS_LOG]=$7
    [ERROR_LOG]=stderr
  )
  for name in "${!value[@]}"; do
    text=${text//"\${GATEWAY_$name}"/"${value[$name]}"}
  done
  [[ $text != *"\${GATEWAY_"[A-Z]* ]] || fail "$GATEWAY_TEMPLATE names a value that nobody gives it"
  # Workers of root would otherwise step down to an account that may not enter the checkout.
  ((EUID != 0)) || text="user root;"$'\n'$text
  mkdir -p "$6"
  printf '%s\n' "$text" >"$1"
}

# Sets NGINX to the command line that runs a rendered file in the foreground.
gateway_command() {
  local nginx
  nginx=$(find_program nginx) || fail "nginx is not installed (Debian's nginx-light)"
  NGINX=("$nginx" -p "$2" -e stderr -c "$1" -g 'daemon off;')
}

gateway_up() {
  local dir=$STACK_DIR/gateway NGINX
  is_running gateway && return
  require_free_port "${PORT[gateway]}" 'the gateway'
  say "starting the gateway on http://127.0.0.1:${PORT[gateway]}"
  mkdir -p "$dir"
  render_gateway "$dir/nginx.conf" "${PORT[gateway]}" "${PORT[crm-api]}" "${PORT[ingest-gateway]}" \
    "${PORT[incoming-trigger]}" "$dir" "$LOG_DIR/gateway-access.log"
  gateway_command "$dir/nginx.conf" "$dir"
  launch gateway -- "${NGINX[@]}"
  local deadline=$((SECONDS + 10))
  until answers_200 "${PORT[gateway]}" /healthz; do
    if ! is_running gateway || ((SECONDS >= deadline)); then
      show_log_tail gateway
      fail "the gateway did not start"
    fi
    sleep 0.1
  done
}

gateway_down() {
  ask_to_end gateway TERM
  await_end gateway 10
}

gateway_wipe() { rm -rf -- "$STACK_DIR/gateway"; }
