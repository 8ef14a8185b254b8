#!/bin/sh
# consumers.sh - installs the build into a folder and builds programs against it with pkg-config alone: C11 and C++17,
# linked with the shared and with the static library; each must run.
#
# consumers.sh BUILD_FOLDER SOURCE_FOLDER [CC [CXX]]
#   CXX may be empty or missing: then C++ is left out. Without pkg-config the test is skipped (77).
#
# SPDX-License-Identifier: Apache-2.0
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 BUILD_FOLDER SOURCE_FOLDER [CC [CXX]]" >&2
    exit 2
fi
build=$1 source=$2 cc=${3:-cc} cxx=${4-}
pkg_config=${PKG_CONFIG:-pkg-config}
if ! command -v "$pkg_config" > /dev/null; then
    echo "skipped: no pkg-config"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"

DESTDIR=$work/tree meson install -C "$build" --no-rebuild --quiet > "$work/install.log" 2>&1 || {
    cat "$work/install.log"
    exit 1
}
pc=$(find "$work/tree" -name recsys.pc)
[ -n "$pc" ] || { echo "recsys.pc was not installed"; exit 1; }
libdir=$(dirname "$(dirname "$pc")")
prefix=$work/tree$("$pkg_config" --variable=prefix "$pc")

# A second tree that has only the archive, so that -lrecsys finds nothing else.
mkdir "$work/archive"
cp "$libdir"/librecsys.a "$work/archive/"
soname=$(basename "$(readlink -f "$libdir/librecsys.so")")
echo "installed: $soname, librecsys.a, recsys.pc"

# flags ARGUMENT...: what pkg-config says of the installed tree
flags() { "$pkg_config" --define-variable=prefix="$prefix" "$@" "$pc"; }

# The headers, and what a program that links the archive must name itself.
[ "$(flags --modversion)" = "$(sed -n 's/^ *version: .\([0-9.]*\).*/\1/p' "$source/meson.build" | head -n 1)" ] || {
    echo "recsys.pc has another version than meson.build"
    exit 1
}
if flags --libs | grep -Eq 'openblas|lapacke|gfortran'; then
    echo "recsys.pc makes programs link the BLAS library although the shared library brings it: $(flags --libs)"
    [ "${RECSYS_OPENBLAS:-static}" = shared ] || exit 1
fi

# try NAME COMPILER OPTIONS...: builds and runs; the words after the options come from pkg-config.
try() {
    name=$1
    shift
    # Compilers and flags are words.
    # shellcheck disable=SC2068
    if ! $@ -o "$work/$name"; then
        echo "$name: does not build: $*"
        exit 1
    fi
    echo "--- $name"
    LD_LIBRARY_PATH=$libdir "$work/$name" "$work/$name.safetensors"
    case $name in
    *shared*) readelf -d "$work/$name" | grep -q 'NEEDED.*librecsys\.so\.' || { echo "$name does not use the shared library"; exit 1; } ;;
    *static*) if readelf -d "$work/$name" | grep -q librecsys; then echo "$name uses the shared library"; exit 1; fi ;;
    esac
}

consumer=$source/tests/consumers/consumer.c
shared="$(flags --cflags --libs)"
static="$(flags --cflags) -L$work/archive $(flags --static --libs | sed "s|-L$libdir||")"
try shared-c $cc -std=c11 $warnings "$consumer" $shared
try static-c $cc -std=c11 $warnings "$consumer" $static
if [ -n "$cxx" ]; then
    try shared-cxx $cxx -std=c++17 $warnings -x c++ "$consumer" -x none $shared
    try static-cxx $cxx -std=c++17 $warnings -x c++ "$consumer" -x none $static
    try shared-cpp-example $cxx -std=c++17 $warnings "$source/examples/cpp_consumer.cpp" $shared
fi

# A model that one wrote, all others wrote: the same bits.
for other in static-c shared-cxx static-cxx; do
    [ -e "$work/$other.safetensors" ] || continue
    cmp "$work/shared-c.safetensors" "$work/$other.safetensors"
done
