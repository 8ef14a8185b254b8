#!/bin/sh
# symbols.sh - the names that the library exports are those of the headers, of the version script and of the ledger.
#
# symbols.sh SHARED STATIC HEADERS MAP LEDGER
#   SHARED   librecsys.so        exports the functions of the ledger, each in the node of its version, and nothing else
#   STATIC   librecsys.a         defines no global name that does not begin with recsys_
#   HEADERS  include/recsys      declare them; MAP lib/recsys.map; LEDGER docs/abi/symbols.txt
# STATIC may be "-" where only the shared library is built, and the other way round.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
LC_ALL=C
export LC_ALL

if [ $# -ne 5 ]; then
    echo "usage: $0 SHARED STATIC HEADERS MAP LEDGER" >&2
    exit 2
fi
shared=$1 static=$2 headers=$3 map=$4 ledger=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# Compares two lists of lines: what the first has and the second lacks, and the other way round.
compare() {
    if ! diff "$work/$1" "$work/$2" > "$work/difference"; then
        echo "$3 (<) and $4 (>) differ:"
        grep '^[<>]' "$work/difference"
        failed=1
    fi
}

# "name version" lines, sorted.
grep -v '^#' "$ledger" | awk 'NF { print $1, $2 }' > "$work/ledger.given"
sort "$work/ledger.given" > "$work/ledger"
if ! cmp -s "$work/ledger.given" "$work/ledger"; then
    echo "$ledger is not in alphabetical order"
    failed=1
fi
awk '{ print $1 }' "$work/ledger" > "$work/ledger.names"
if [ -n "$(uniq -d "$work/ledger.names")" ]; then
    echo "twice in $ledger:" && uniq -d "$work/ledger.names"
    failed=1
fi

awk '/^RECSYS_[0-9.]+ *\{/ { node = substr($1, 8) } /^ *recsys_[a-z0-9_]+;/ { sub(";", "", $1); print $1, node }' "$map" \
    | sort > "$work/map"

# Declarations of the headers, comments taken out: the name before the first bracket after RECSYS_API.
cat "$headers"/*.h | tr '\n' ' ' | sed 's/\*\//\n/g' | sed 's/\/\*.*//' | tr '\n' ' ' | sed 's/RECSYS_API/\n&/g' \
    | sed -n 's/^RECSYS_API [^(;]*[ *]\(recsys_[a-z0-9_]*\)(.*/\1/p' | sort > "$work/headers"

compare headers ledger.names "the headers" "$ledger"
compare map ledger "$map" "$ledger"

if [ "$shared" != - ]; then
    # "recsys_f@@RECSYS_0.1" becomes "recsys_f 0.1"; the nodes themselves are listed as absolute symbols.
    nm -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' | sed 's/@@*RECSYS_/ /' | sort > "$work/shared"
    compare shared ledger "$shared" "$ledger"
fi

if [ "$static" != - ]; then
    nm -g --defined-only "$static" 2> /dev/null | awk 'NF == 3 { print $3 }' | sort -u > "$work/static"
    if grep -v '^recsys_' "$work/static" > "$work/foreign"; then
        echo "$static defines names that do not begin with recsys_:" && cat "$work/foreign"
        failed=1
    fi
    grep '^recsys_[^_]' "$work/static" > "$work/static.public" || true
    compare static.public ledger.names "$static" "$ledger"
fi
exit $failed
