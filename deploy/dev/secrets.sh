# shellcheck shell=bash
# The secrets of a stack, made on first use and kept with its data: what they sealed must stay readable.

prepare_secrets() {
  local file=$STACK_DIR/secrets.env name
  [[ -e $file ]] || install -m 600 /dev/null "$file"
  for name in MASTER_KEY SESSION_KEY INTERNAL_KEY; do
    [[ -n $(secret "$name") ]] ||
      printf 'PULSE_SECURITY__%s=%s\n' "$name" "$(head -c 32 /dev/urandom | base64)" >>"$file"
  done
}

secret() { sed -n "s/^PULSE_SECURITY__$1=//p" "$STACK_DIR/secrets.env"; }
