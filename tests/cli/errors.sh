#!/usr/bin/env bash
# errors.sh - what goes wrong while working: exit status 1, a message with file, line or value, and nothing half-written.
. "$(dirname "$0")/support.sh"

train=(train ease --columns user,item --out model.safetensors)

test_missing_file() {
  run 1 "${train[@]}" --train nowhere.tsv
  has err "recsys: train: nowhere.tsv"
  run 1 inspect nowhere.safetensors
  has err "nowhere.safetensors"
  [ ! -e model.safetensors ]
}

test_folder_and_empty_file() {
  mkdir folder
  run 1 "${train[@]}" --train folder
  has err "folder"
  : >empty.tsv
  run 1 "${train[@]}" --train empty.tsv
  has err "empty.tsv"
}

test_bad_line_names_file_and_line() {
  printf 'a\tx\t1\nb\ty\t2\nc\tz\tnone\n' >bad.tsv
  run 1 train ease --columns user,item,value --header no --train bad.tsv --out model.safetensors
  has err "recsys: train: bad.tsv:3: "
  has err none
  printf 'a\tx\t1\nb\n' >short.tsv
  run 1 train ease --columns user,item,value --train short.tsv --out model.safetensors
  has err "short.tsv:2"
  printf 'a\tx\tnan\n' >nan.tsv
  run 1 train ease --columns user,item,value --header no --train nan.tsv --out model.safetensors
  has err "nan.tsv:1"
  [ ! -e model.safetensors ]
}

test_broken_gzip() {
  two_tastes
  gzip -c events.tsv | head -c 100 >cut.tsv.gz
  run 1 "${train[@]}" --train cut.tsv.gz
  has err "cut.tsv.gz"
}

test_unknown_column() {
  two_tastes
  run 2 train ease --columns user,itm --train events.tsv --out model.safetensors
  has err itm
}

test_unknown_user_item_tensor() {
  trained
  run 1 recommend model.safetensors --user nobody
  has err '"nobody"'
  run 1 recommend model.safetensors --history i1,nothing
  has err '"nothing"'
  run 1 similar model.safetensors --item nothing
  has err '"nothing"'
  run 2 export model.safetensors --tensor item_weihts --out t.npy
  has err item_weihts
  [ ! -e t.npy ]
}

test_damaged_model_files() {
  trained
  size=$(stat -c %s model.safetensors)
  head -c $((size / 2)) model.safetensors >cut.safetensors
  run 1 inspect cut.safetensors
  has err "cut.safetensors"
  cp model.safetensors flipped.safetensors
  printf 'x' | dd of=flipped.safetensors bs=1 seek=$((size - 5)) conv=notrunc status=none
  run 1 inspect flipped.safetensors
  has err "flipped.safetensors"
  run 1 inspect events.tsv
  has err "events.tsv"
}

test_memory_limit() {
  two_tastes
  run 1 "${train[@]}" --train events.tsv --memory 1K
  [ ! -e model.safetensors ]
}

test_writing_fails() {
  trained
  run 1 "${train[@]}" --train events.tsv --out no/such/folder/m.safetensors
  has err "no/such/folder"
  run 1 export model.safetensors --ids items --out no/such/folder/ids.txt
  has err "no/such/folder"
  run 1 recommend model.safetensors --user u1 --json /dev/full
  has err "/dev/full"
  got=0
  "$recsys" recommend model.safetensors --user u1 >/dev/full 2>err || got=$?
  [ $got -eq 1 ]
  has err "standard output"
  no_leftovers
}

test_unwritable_outputs_are_seen_before_the_work() {
  two_tastes
  mkdir folder
  run 1 split events.tsv --out-train nowhere/a.tsv --out-test b.tsv
  has err "nowhere/a.tsv: cannot write: No such file or directory"
  run 1 train ease --train missing.tsv --out folder
  has err "folder: cannot write: it is a folder"
  run 1 train ease --train missing.tsv --out model --json nowhere/t.json
  has err "nowhere/t.json"
  run 1 evaluate missing --test missing.tsv --per-user nowhere/u.csv
  has err "nowhere/u.csv"
  run 1 split missing.tsv --out events.tsv
  has err "events.tsv: cannot write: it is no folder"
  run 1 split missing.tsv --out new/parts
  [ ! -e new ]
  [ ! -e b.tsv ]
}

test_kinds_that_are_not_trained() {
  two_tastes
  run 2 train embeddings --train events.tsv --columns user,item --out model.safetensors
  has err "is not trained"
  [ ! -e model.safetensors ]
}

test_a_failure_leaves_the_old_file() {
  two_tastes
  echo precious >model.safetensors
  run 1 "${train[@]}" --train events.tsv --memory 1K
  [ "$(cat model.safetensors)" = precious ]
  trained
  echo precious >list.tsv
  run 1 recommend model.safetensors --all --out list.tsv --train nowhere.tsv
  [ "$(cat list.tsv)" = precious ]
}

test_unknown_device() {
  run 2 inspect model.safetensors --device quantum
  has err quantum
}

test_unknown_format() {
  two_tastes
  run 2 stats events.tsv --format delimitd
  has err delimitd
}

run_tests
