# packages.sh - the Debian packages that building and testing need, and how to get them; sourced by scripts.
#
# install_packages NAME...: installs those that are missing, with sudo unless root. Silent when nothing is.

build_packages="gcc libc6-dev meson ninja-build pkgconf libopenblas-openmp-dev liblapacke-dev libjsmn-dev libdlpack-dev zlib1g-dev"
test_packages="$build_packages g++ clang libomp-dev libcmocka-dev python3 python3-venv bsdutils doxygen abigail-tools git ca-certificates"

install_packages() {
  local missing=() name root=()
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "These packages are missing, and neither root nor sudo is at hand to install them: ${missing[*]}" >&2
      return 1
    fi
    root=(sudo)
  fi
  echo "Installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
