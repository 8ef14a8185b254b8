#!/usr/bin/env bash
# check_docs.sh - the API reference builds without a warning, and no link between documents is broken.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/docs
doxygen docs/Doxyfile
if [ -s build/docs/warnings.txt ]; then
  cat build/docs/warnings.txt
  exit 1
fi
bad=0
for page in *.md docs/*.md docs/*/*.md examples/*.md examples/data/*/*.md; do
  [ -e "$page" ] || continue
  while read -r target; do
    if [ ! -e "$(dirname "$page")/$target" ]; then
      echo "$page: no such file: $target"
      bad=1
    fi
  done < <(grep -oE '\]\([^)#:]+(#[^)]*)?\)' "$page" | sed -E 's/^\]\(//; s/(#.*)?\)$//')
done
exit $bad
