#!/usr/bin/env bash
# terminal.sh - the progress bar: on a terminal, and only there. `script` lends the program a terminal.
. "$(dirname "$0")/support.sh"

command -v script >/dev/null || exit 77

test_bar_on_a_terminal() {
  many_items 60000 2000 2500
  script -qec "'$recsys' train ease --train many.tsv --columns user,item --out m.safetensors" /dev/null </dev/null >screen
  has screen "$(printf '\r')"
  has screen "["
  has screen " %"
  has screen "trained on"
  # the bar is gone from the line before anything else is written
  [ "$(tr '\r' '\n' <screen | grep -c 'trained on.*\[#')" -eq 0 ]
  script -qec "'$recsys' train ease --train many.tsv --columns user,item --out m.safetensors --quiet" /dev/null </dev/null >screen
  lacks screen "#"
}

run_tests
