#!/usr/bin/env bash
# links.sh - the library is linked to nothing of CUDA; the CUDA module, where it was built, shows one function and nothing else.
#
# Usage: links.sh LIBRARY [MODULE]
set -euo pipefail
needed=$(readelf -d "$1" | grep NEEDED)
if grep -iE 'cuda|cublas|cusparse|cusolver|nvidia|stdc\+\+' <<<"$needed"; then
  echo "$1 is linked to what only the CUDA module may need"
  exit 1
fi
[ $# -gt 1 ] || exit 0
shown=$(nm -D --defined-only "$2" | awk '{ print $3 }' || true)
if [ "$shown" != recsys_backend_module ]; then
  echo "the module shows more than its entry:"
  echo "$shown"
  exit 1
fi
if readelf -d "$2" | grep NEEDED | grep -E 'librecsys|openblas|gomp'; then
  echo "$2 is linked to the library's own parts"
  exit 1
fi
