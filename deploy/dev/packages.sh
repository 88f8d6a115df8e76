# shellcheck shell=bash
# Installs what is missing from Debian's own packages.

# Debian keeps servers in sbin, which is not on everybody's PATH.
find_program() { PATH=$PATH:/usr/sbin:/sbin command -v "$1"; }

is_installed() {
  case $1 in
    postgresql) compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ;;
    rabbitmq-server) [[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]] ;;
    nginx-light) find_program nginx >/dev/null ;;
    nodejs) find_program node >/dev/null ;;
    # Without this module Debian's Python makes environments that cannot install anything.
    python3-venv) find_program python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null ;;
    *) find_program "$1" >/dev/null ;;
  esac
}

install_missing() {
  local package missing=()
  for package; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local request=(install --no-install-recommends "${missing[@]}")
  find_program apt-get >/dev/null || fail "missing: ${missing[*]}. They are installed from Debian packages only; install them yourself here"
  say "installing from Debian: ${missing[*]}"

  local become=()
  if ((EUID != 0)); then
    find_program sudo >/dev/null || fail "neither root nor sudo; run as root: apt-get ${request[*]}"
    become=(sudo)
  fi
  # RUNLEVEL (sysv) and SYSTEMD_OFFLINE keep the packages from starting system-wide servers: only their
  # programs are wanted.
  become+=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 SYSTEMD_OFFLINE=1)

  install -d "$ROOT/.dev"
  local log=$ROOT/.dev/packages.log
  "${become[@]}" apt-get -q update >"$log" 2>&1 </dev/null ||
    say "apt-get update failed (see $log); trying with the package lists that are there"
  if ! "${become[@]}" apt-get -q -y -o DPkg::Lock::Timeout=300 "${request[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    fail "installing ${missing[*]} failed (all of it in $log)"
  fi
  for package in "${missing[@]}"; do
    is_installed "$package" || fail "$package was installed, yet its program is not found"
  done
}

install_nextest() {
  cargo nextest --version >/dev/null 2>&1 && return
  say "installing cargo-nextest (cargo install cargo-nextest --locked): takes some minutes, once"
  attended -- cargo install cargo-nextest --locked
}
