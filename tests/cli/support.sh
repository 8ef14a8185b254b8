# support.sh - what the tests of the command-line program share; sourced by the scripts beside it.
#
# A test is a function whose name begins with test_; it runs in a subshell and in an empty folder, and passes if no command in
# it fails. run_tests runs them all and ends with the lines that cmocka programs print, so that they are counted alike.
set -euo pipefail

recsys=$(realpath "$1")
python=${RECSYS_PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LC_ALL=C.UTF-8 OMP_WAIT_POLICY=passive

# run STATUS ARGUMENTS...: runs the program, which must end with that status; its output goes to the files out and err.
run() {
  local want=$1 got=0
  shift
  "$recsys" "$@" >out 2>err </dev/null || got=$?
  if [ "$got" -ne "$want" ]; then
    echo "recsys $*: status $got, want $want"
    sed 's/^/  out: /' out
    sed 's/^/  err: /' err
    return 1
  fi
}

# has FILE TEXT: the file contains the text.
has() {
  if ! grep -qF -- "$2" "$1"; then
    echo "$1 does not contain: $2"
    sed 's/^/  /' "$1"
    return 1
  fi
}

# lacks FILE TEXT
lacks() {
  if grep -qF -- "$2" "$1"; then
    echo "$1 contains: $2"
    sed 's/^/  /' "$1"
    return 1
  fi
}

# json FILE EXPRESSION: the Python expression is true of the file's contents, called j.
json() {
  "$python" - "$1" "$2" <<'PYTHON'
import json, math, sys
with open(sys.argv[1], encoding="utf-8") as file:
    j = json.load(file)
if not eval(sys.argv[2]):
    sys.exit(f"{sys.argv[1]}: not true: {sys.argv[2]}\n{json.dumps(j, indent=1)[:2000]}")
PYTHON
}

# Nothing but finished files is in the folder.
no_leftovers() {
  if find . -name '*.part' -o -name '*.tmp*' | grep -q .; then
    echo "left behind:"
    find .
    return 1
  fi
}

# Two groups of users: ten have four each of items 1 to 5, ten of items 6 to 10. Columns user, item, value, time.
two_tastes() {
  awk 'BEGIN {
    OFS = "\t"; t = 100
    for (u = 1; u <= 20; u++)
      for (i = 1; i <= 4; i++) print "u" u, "i" ((u <= 10 ? 0 : 5) + 1 + (u + i) % 5), 1 + (u * i) % 5, t++
  }' >events.tsv
  printf 'i%s\tName %s\n' 1 one 2 two 3 three 4 four 5 five 6 six 7 seven 8 eight 9 nine 10 "ten \"quoted\" — dash" >items.tsv
}

# many_items EVENTS USERS ITEMS: enough that a training takes a while.
many_items() {
  awk -v n="$1" -v users="$2" -v items="$3" 'BEGIN {
    OFS = "\t"
    for (e = 0; e < n; e++) { s = (s * 48271 + 11) % 2147483647; print s % users, e % items }
  }' >many.tsv
}

trained() {
  two_tastes
  run 0 train ease --train events.tsv --columns user,item --params l2=1 --out model.safetensors
}

run_tests() {
  local passed=0 failed=() name folder status
  for name in $(declare -F | awk '$3 ~ /^test_/ { print $3 }'); do
    folder=$(mktemp -d)
    echo "[ RUN      ] $name"
    # In a condition bash would ignore set -e inside, hence the status by way of a child of its own.
    set +e
    (set -e; cd "$folder"; "$name")
    status=$?
    set -e
    rm -rf "$folder"
    if [ $status -eq 0 ]; then
      echo "[       OK ] $name"
      passed=$((passed + 1))
    else
      echo "[  FAILED  ] $name"
      failed+=("$name")
    fi
  done
  echo "[  PASSED  ] $passed test(s)."
  if [ ${#failed[@]} -gt 0 ]; then
    echo "[  FAILED  ] ${#failed[@]} test(s), listed below: ${failed[*]}"
    return 1
  fi
}
