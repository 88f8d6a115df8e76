# shellcheck shell=bash
# What the scripts say. Everything goes to stderr: stdout belongs to the page that `make run` prints.

say() { printf '[dev] %s\n' "$*" >&2; }

fail() {
  printf '[dev] error: %s\n' "$*" >&2
  exit 1
}
