#!/usr/bin/env bash
# cancel.sh - Ctrl-C ends a training cleanly: status 1, "cancelled", the old file as it was and nothing beside it.
. "$(dirname "$0")/support.sh"

# Starts the program with the arguments, sends the signal while the matrix is factored (the operation before it was traced),
# and leaves the exit status in `got`.
interrupt() {
  local signal=$1 pid tries=0
  shift
  rm -f err # what an earlier one traced must not be taken for its own
  "$recsys" "$@" >out 2>err &
  pid=$!
  until grep -q gram err; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || return 1
    kill -0 $pid
    sleep 0.05
  done
  kill "-$signal" $pid
  got=0
  wait $pid || got=$?
}

test_interrupt_while_training() {
  many_items 120000 3000 6000
  echo precious >model.safetensors
  for signal in INT TERM; do
    interrupt $signal train ease --train many.tsv --columns user,item --out model.safetensors --threads 1 --trace
    [ "$got" -eq 1 ]
    has err "recsys: train: cancelled"
    [ "$(cat model.safetensors)" = precious ]
    [ "$(find . -name 'model*' | wc -l)" -eq 1 ]
  done
}

run_tests
