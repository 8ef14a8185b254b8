#!/bin/sh
# headers.sh - each public header stands alone: it compiles by itself, and twice, in C11 and in C++17, without a warning.
#
# headers.sh HEADERS LAYOUT CC... -- CXX...
#   HEADERS  the folder include/recsys
#   LAYOUT   tests/abi/layout.c, which must lock every struct that the headers define
#   CC, CXX  commands of the compilers; the second may be left out where there is none for C++
#
# SPDX-License-Identifier: Apache-2.0
set -eu

if [ $# -lt 3 ]; then
    echo "usage: $0 HEADERS LAYOUT CC... [-- CXX...]" >&2
    exit 2
fi
headers=$1 layout=$2
shift 2
cc= cxx=
for word in "$@"; do
    if [ "$word" = -- ]; then
        cxx=-
    elif [ -z "$cxx" ]; then
        cc="$cc $word"
    else
        cxx="${cxx#-} $word"
    fi
done
include=$(dirname "$headers")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror"
failed=0

# try COMPILER STANDARD SUFFIX HEADER
try() {
    printf '#include <recsys/%s>\n#include <recsys/%s>\nint recsys_header_test(void);\nint recsys_header_test(void) { return 0; }\n' \
        "$4" "$4" > "$work/test.$3"
    # Compilers are commands with options, so they are split into words.
    # shellcheck disable=SC2086
    if ! $1 -std="$2" $warnings -I "$include" -fsyntax-only "$work/test.$3"; then
        echo "recsys/$4 does not stand alone in $2"
        failed=1
    fi
}

for file in "$headers"/*.h; do
    header=$(basename "$file")
    try "$cc" c11 c "$header"
    if [ -n "$cxx" ] && [ "$cxx" != - ]; then
        try "$cxx" c++17 cc "$header"
    fi
done

for name in $(sed -n 's/^typedef struct \(recsys_[a-z0-9_]*\) {.*/\1/p' "$headers"/*.h); do
    if ! grep -q "SIZE($name," "$layout"; then
        echo "$layout does not lock the layout of $name"
        failed=1
    fi
done

# The umbrella holds them all.
for file in "$headers"/*.h; do
    header=$(basename "$file")
    case $header in recsys.h | export.h) continue ;; esac
    if ! grep -q "#include <recsys/$header>" "$headers/recsys.h"; then
        echo "recsys.h does not include $header"
        failed=1
    fi
done
exit $failed
