# Sourced by ./rennet and the scripts of test/, with $top set to the checkout. POSIX sh.
#
# `ensure_ready run` (or `test`) installs what is missing and sets $node. What was found in place is remembered in
# .tools/ready-PROFILE with a checksum of everything that decides about it, so that the next start reads one small file.
# All it says goes to standard error. What is interrupted is found missing by the next run, which goes on from there.

# shellcheck shell=sh disable=SC2154,SC3013 # $top is the caller's; dash and bash know -nt.

# Debian's plain users have no sbin on their PATH; mke2fs and others lie there.
PATH=$PATH:/usr/sbin:/sbin
export PATH

# Measured on Debian 12, in MB: Node's package, the libraries for running, all libraries.
node_mb=52 run_libraries_mb=16 test_libraries_mb=117

say() { printf 'rennet: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 3
}

ensure_ready() {
  is_ready "$1" && return
  mkdir -p "$top/.tools" 2>/dev/null || fail "$top cannot be written; run this once as its owner."
  (
    exec 9>"$top/.tools/lock"
    flock -n 9 || {
      say 'another one is preparing this checkout; waiting for it'
      flock 9
    }
    is_ready "$1" || prepare "$1"
  ) || exit $?
  is_ready "$1" || fail "the preparation of $top did not hold; see .tools/setup.log."
}

# Sets $node when nothing has changed since the last preparation.
is_ready() {
  [ -r "$top/.tools/ready-$1" ] || return 1
  { read -r ready_key && read -r node; } <"$top/.tools/ready-$1" || return 1
  [ "$ready_key" = "$(setup_key)" ] && [ -x "$node" ] && [ -f "$top/node_modules/.package-lock.json" ]
}

setup_key() {
  cat "$top/package-lock.json" "$top/src/bootstrap/"*.txt "$top/src/bootstrap/setup.sh" "$top/src/bootstrap/node/package-lock.json" \
    /etc/machine-id 2>/dev/null | cksum
}

prepare() {
  ticker=''
  trap 'stop_ticker; say "stopped; the next run goes on from here."; exit 130' INT TERM HUP
  began=$(date +%s)
  : >"$top/.tools/setup.log"
  rm -f "$top/.tools/ready-$1"
  command -v apt-get >/dev/null || fail 'this system has no apt-get; Rennet needs Debian or Ubuntu.'

  wanted=$(wanted_packages "$top/src/bootstrap/debian-packages.txt")
  [ "$1" = run ] || wanted="$wanted $(wanted_packages "$top/src/bootstrap/debian-packages-test.txt")"
  needs=''
  node=$(find_node) || needs='Node.js, '
  libraries_fit "$1" || needs="${needs}libraries, "
  [ -z "$needs" ] || command -v npm >/dev/null || wanted="$wanted npm"
  # shellcheck disable=SC2086 # names of packages
  missing=$(missing_packages $wanted)

  [ -z "$missing$needs" ] || say "preparing this checkout, once: ${missing:+Debian packages, }${needs}about $(estimate "$needs" "$missing"); each step says what it downloads."
  # shellcheck disable=SC2086
  [ -z "$missing" ] || install_packages $missing
  end_cluster_hold
  case $needs in *Node*)
    run_step "fetching Node.js 24 ($node_mb MB, under a minute)" install_node
    node=$(find_node) || fail 'the fetched Node.js does not run on this machine; install Node.js 22.18 or newer.'
    ;;
  esac
  case $needs in *libraries*) install_libraries "$1" ;; esac

  printf '%s\n%s\n' "$(setup_key)" "$node" >"$top/.tools/ready-$1.new"
  mv "$top/.tools/ready-$1.new" "$top/.tools/ready-$1"
  say "ready after $(($(date +%s) - began)) s; this is not done again."
}

estimate() {
  # shellcheck disable=SC2086 # A package brings five others along, mostly small ones.
  set -- "$1" $2
  minutes "$((($# - 1) * 6))" "$((${#1} > 0 ? 100 : 10))"
}

# --- Node.js ---------------------------------------------------------------------------------------------------------

# Prints the path of a Node.js that runs TypeScript and takes the system's certificates (22.18 and newer).
find_node() {
  for candidate in "$(command -v node || :)" "$(fetched_node)"; do
    if [ -x "$candidate" ] && node_fits "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

node_fits() {
  "$1" -e 'process.exit(process.features.typescript && process.allowedNodeEnvironmentFlags.has("--use-system-ca") ? 0 : 1)' \
    >/dev/null 2>&1 </dev/null
}

# npm writes .package-lock.json last: without it the fetching was interrupted.
fetched_node() {
  modules=$top/.tools/node/node_modules
  case $(uname -m) in
    x86_64) cpu=x64 ;;
    aarch64) cpu=arm64 ;;
    *) return ;;
  esac
  if [ -f "$modules/.package-lock.json" ]; then printf '%s\n' "$modules/node-linux-$cpu/bin/node"; fi
}

install_node() {
  mkdir -p "$top/.tools/node"
  cp "$top/src/bootstrap/node/package.json" "$top/src/bootstrap/node/package-lock.json" "$top/.tools/node/"
  npm_ci "$top/.tools/node"
}

# --- npm packages ----------------------------------------------------------------------------------------------------

# npm ci removes node_modules first and writes .package-lock.json last. Libraries installed by hand count too.
libraries_fit() {
  [ -f "$top/node_modules/.package-lock.json" ] || return 1
  [ "$1" = run ] || [ -d "$top/node_modules/vitest" ] || return 1
  if [ -f "$top/.tools/libraries" ]; then
    [ "$(cat "$top/.tools/libraries")" = "$(cksum <"$top/package-lock.json")" ]
  else
    [ "$top/node_modules/.package-lock.json" -nt "$top/package-lock.json" ]
  fi
}

install_libraries() {
  rm -f "$top/.tools/libraries"
  if [ "$1" = run ]; then
    run_step "fetching the libraries by lock file ($run_libraries_mb MB, under a minute)" npm_ci "$top" --omit=dev
  else
    run_step "fetching the libraries and development tools by lock file ($test_libraries_mb MB, about a minute)" npm_ci "$top"
  fi
  cksum <"$top/package-lock.json" >"$top/.tools/libraries"
}

# No package of ours needs an installation script, so none is run.
npm_ci() (
  cd "$1" || exit 1
  shift
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error "$@"
)

# --- Debian packages -------------------------------------------------------------------------------------------------

# Reads a list; prints the names that this machine needs, installed or not.
wanted_packages() {
  architecture=$(dpkg --print-architecture)
  sed 's/#.*//' "$1" | while read -r name condition rest; do
    case $condition in
      '') ;;
      if-arch) case " $rest " in *" $architecture "*) ;; *) continue ;; esac ;;
      unless) if sh -c "$rest" >/dev/null 2>&1 </dev/null; then continue; fi ;;
      *) fail "$1: $name $condition: neither if-arch nor unless." ;;
    esac
    [ -z "$name" ] || printf '%s\n' "$name"
  done
}

# shellcheck disable=SC2016 # dpkg-query's own format
missing_packages() {
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p')
  for name in "$@"; do
    printf '%s\n' "$installed" | grep -qxF -- "$name" || printf '%s\n' "$name"
  done
}

install_packages() {
  become_root "$@"
  case " $* " in *' postgresql '*) hold_cluster ;; esac
  # dpkg writes here while it works; what is left was interrupted.
  [ -z "$(ls /var/lib/dpkg/updates)" ] || run_step 'finishing an interrupted installation' as_root dpkg --configure -a
  size=$(download_size "$@") || {
    run_step 'reading the lists of Debian packages (apt-get update)' apt_get update
    size=$(download_size "$@") || fail "apt does not find all of: $*. Check its sources; .tools/setup.log says more."
  }
  count=${size% *} size=${size#* }
  what="installing $count Debian packages ($size MB to download, about $(minutes "$count" "$size")): $*"
  try_step "$what" apt_get install -y --no-install-recommends "$@" || {
    # Old lists name files that the mirror has no more.
    run_step 'reading the lists of Debian packages anew (apt-get update)' apt_get update
    run_step 'trying that again' apt_get install -y --no-install-recommends "$@"
  }
}

# Prints the number of packages and the MB that an installation would download; fails when apt cannot say.
download_size() {
  uris=$(apt-get --print-uris -qq -y --no-install-recommends install "$@" 2>>"$top/.tools/setup.log") || return 1
  count=$(LC_ALL=C apt-get -s -qq --no-install-recommends install "$@" 2>>"$top/.tools/setup.log" | grep -c '^Inst ')
  printf '%s\n' "$uris" | awk -v count="$count" '{ bytes += $3 } END { printf "%d %d\n", count, bytes / 1000000 + 0.99 }'
}

# Measured on two cores: 5 MB/s and a third of a second a package.
minutes() {
  seconds=$(($1 / 3 + $2 / 5))
  if [ "$seconds" -lt 60 ]; then echo 'a minute'; else echo "$((seconds / 60 + 1)) minutes"; fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# sudo itself may ask for a password where it has a terminal; nothing else here ever asks.
become_root() {
  [ "$(id -u)" != 0 ] || return 0
  if command -v sudo >/dev/null; then
    ! sudo -n true 2>/dev/null || return 0
    if [ -t 0 ] && [ -t 2 ]; then sudo -v 1>&2 && return 0; fi
  fi
  fail "Debian packages are missing, and only root may install them: apt-get install --no-install-recommends $*"
}

# Debian's postgresql makes and starts a cluster on port 5432 when a major version is installed for the first time, unless
# postgresql-common is told not to (pg_createcluster(1)). The note is taken away afterwards: what an administrator
# installs later behaves as ever. A cluster that exists already is not touched.
cluster_hold=/etc/postgresql-common/createcluster.d/rennet.conf

hold_cluster() {
  as_root mkdir -p "${cluster_hold%/*}"
  printf '%s\n' '# Written by ./rennet while it installs postgresql; it removes this file again.' 'create_main_cluster = false' |
    as_root tee "$cluster_hold" >/dev/null
}

end_cluster_hold() { [ ! -e "$cluster_hold" ] || as_root rm -f "$cluster_hold"; }

# --- steps -----------------------------------------------------------------------------------------------------------

# Runs a command of ours with its output in the log; on a terminal shows how long it has taken and what it says.
try_step() {
  say "$1"
  step=$1
  shift
  if [ -t 2 ]; then
    show_progress 9>&- &
    ticker=$!
  fi
  status=0
  "$@" >>"$top/.tools/setup.log" 2>&1 </dev/null 9>&- || status=$?
  stop_ticker
  return "$status"
}

stop_ticker() {
  [ -n "$ticker" ] || return 0
  kill "$ticker" 2>/dev/null || :
  wait "$ticker" 2>/dev/null || :
  ticker=''
  printf '\r\033[K' >&2
}

run_step() {
  try_step "$@" && return
  tail -n 8 "$top/.tools/setup.log" >&2
  fail "that failed ($step). Everything it said is in $top/.tools/setup.log; mend it and run this again."
}

# $$ is the script itself, here too: when it was killed, this ends by itself.
show_progress() {
  trap - INT TERM HUP
  seconds=0
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    seconds=$((seconds + 1))
    printf '\r\033[K  %d s  %s' "$seconds" "$(tail -n 1 "$top/.tools/setup.log" | tr -dc '[:print:]' | cut -c 1-90)" >&2
  done
}
