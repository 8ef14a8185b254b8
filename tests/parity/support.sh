#!/usr/bin/env bash
# support.sh - an operation that the CUDA backend has must not be lost, and one that it gains belongs into the list.
#
# Usage: support.sh PROGRAM support-cuda.csv
set -euo pipefail
if ! diff -u "$2" <("$1"); then
  echo "tests/parity/support-cuda.csv differs from what the backend supports"
  exit 1
fi
