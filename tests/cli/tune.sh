#!/usr/bin/env bash
# tune.sh - the search for parameters: trials and their file, what a killed or cancelled search leaves, and what is refused.
. "$(dirname "$0")/support.sh"

data=$here/../../examples/data/msweb/train.tsv.gz

# A part of the bundled visits, with held-out ones.
visits() {
  run 0 split "$data" --columns user,item --k-core 12 --method random-per-user --valid-share 0.2 --test-share 0.1 --seed 1 --out parts
  tune=(--train parts/train.tsv --valid parts/valid.tsv --columns user,item --threads 1)
}

# The small world of two tastes: what to search in it takes no time.
small() {
  two_tastes
  awk 'BEGIN { FS = OFS = "\t" } { print $1, $2 > (NR % 4 == 0 ? "valid.tsv" : "train.tsv") }' events.tsv
  tune=(--train train.tsv --valid valid.tsv --columns user,item --threads 1 --quiet)
}

# rows FILE: the trials without their seconds, sorted by number.
rows() {
  "$python" - "$1" <<'PYTHON'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
for row in sorted(rows, key=lambda r: int(r["trial"])):
    print({k: v for k, v in row.items() if k != "seconds"})
PYTHON
}

test_random_search_of_a_closed_form() {
  visits
  run 0 tune ease "${tune[@]}" --search l2=log:1..10000,normalize=none/both --trials 6 --select NDCG@20 --seed 3 \
    --trials-out a.csv --out best.safetensors --json t.json
  has err "trial 6/6: NDCG@20 0."
  has out "6 trials: 6 done, 0 failed"
  json t.json 'j["model"] == "ease" and j["ok"] == 6 and j["best"]["value"] == max(t["value"] for t in j["trials"])'
  json t.json 'all(1 <= float(t["values"]["l2"]) <= 10000 for t in j["trials"]) and len({t["values"]["l2"] for t in j["trials"]}) == 6'
  json t.json '{t["values"]["normalize"] for t in j["trials"]} == {"none", "both"} and j["trials"][0]["trial"] == j["best"]["trial"]'
  # The command that it prints makes the same file.
  "$python" -c 'import json; j = json.load(open("t.json")); open("command", "w").write(j["command"].replace("best.safe", "again.safe"))'
  lacks command "--valid"
  ln -s "$recsys" recsys
  PATH=$PWD:$PATH sh command >out 2>err
  cmp best.safetensors again.safetensors
  # A trial is the same whatever comes with it: more trials, other keys, and rows that are taken away.
  cp a.csv longer.csv
  run 0 tune ease "${tune[@]}" --search l2=log:1..10000,normalize=none/both --trials 8 --select NDCG@20 --seed 3 --trials-out longer.csv
  head -n 7 longer.csv | cmp - a.csv
  [ "$(wc -l <longer.csv)" -eq 9 ]
  has err "trial 7/8"
  lacks err "trial 6/8"
  sed '3d;5d' a.csv >holes.csv
  run 0 tune ease "${tune[@]}" --search l2=log:1..10000,normalize=none/both --trials 6 --select NDCG@20 --seed 3 --trials-out holes.csv --quiet
  rows a.csv >a
  rows holes.csv >b
  cmp a b
  run 0 tune ease "${tune[@]}" --search l2=log:1..10000 --trials 6 --select NDCG@20 --seed 3 --json l2.json --quiet
  "$python" -c 'import json; a, b = (sorted((t["trial"], t["values"]["l2"]) for t in json.load(open(f))["trials"]) for f in ("t.json", "l2.json")); assert a == b'
  # The metric is the evaluator's.
  run 0 evaluate best.safetensors --test parts/valid.tsv --columns user,item --cutoffs 20 --drop-unseen-items --json e.json
  "$python" -c 'import json; a, b = json.load(open("e.json")), json.load(open("t.json")); assert abs(a["metrics"]["20"]["NDCG"] - b["best"]["value"]) < 1e-12'
  no_leftovers
}

test_search_of_a_training_by_steps() {
  visits
  run 0 tune gmf "${tune[@]}" --search dim=2..8,lr=log:0.001..0.05,batch=256/512,negatives=1..3 --params loss=r-ce --trials 4 --epochs 2 \
    --select RECALL@10 --trials-out a.csv --out best.safetensors --json t.json --seed 5
  json t.json 'all(t["status"] == "ok" and t["epoch"] in (1, 2) and t["step"] > 0 for t in j["trials"])'
  json t.json 'all(2 <= int(t["values"]["dim"]) <= 8 and 1 <= int(t["values"]["negatives"]) <= 3 for t in j["trials"])'
  has out "--select RECALL@10"
  "$python" -c 'import json; j = json.load(open("t.json")); open("command", "w").write(j["command"].replace("best.safe", "again.safe"))'
  has command "--optimizer adam:lr="
  ln -s "$recsys" recsys
  PATH=$PWD:$PATH sh command >out 2>err
  cmp best.safetensors again.safetensors
  has out "$("$python" -c 'import json; j = json.load(open("t.json")); print("chosen by RECALL@10 on the validation data: %.6g after step %d" % (j["best"]["value"], j["best"]["step"]))')"
  run 0 tune gmf "${tune[@]}" --search optimizer.lr=0.01/0.02 --params dim=4 --method grid --epochs 1 --select loss --json l.json --quiet
  json l.json 'j["select"] == "loss" and j["best"]["value"] == min(t["value"] for t in j["trials"]) and j["ok"] == 2'
}

test_grid() {
  small
  run 0 tune ease "${tune[@]}" --search l2=1..100:3,normalize=none/both,top_k=0..2 --method grid --trials-out g.csv --json t.json
  json t.json 'j["ok"] == 18 and j["method"] == "grid" and len({tuple(t["values"].values()) for t in j["trials"]}) == 18'
  json t.json '{t["values"]["l2"] for t in j["trials"]} == {"1", "50.5", "100"}'
  [ "$(sed -n 2,4p g.csv | cut -d , -f 1-4)" = "$(printf '%s\n' 1,1,none,0 2,1,none,1 3,1,none,2)" ]
  # Ties: the earlier trial.
  json t.json 'j["best"]["trial"] == min(t["trial"] for t in j["trials"] if t["value"] == j["best"]["value"])'
  run 0 tune mlp "${tune[@]}" --search layers=1..2 --method grid --params dim=4 --epochs 1 --json t.json
  json t.json 'j["ok"] == 2'
  run 0 tune ease "${tune[@]}" --search l2=log:1..100:3 --method grid --json t.json
  json t.json '{t["values"]["l2"] for t in j["trials"]} == {"1", "10", "100"}'
  run 2 tune ease "${tune[@]}" --search l2=1..100:40,top_k=0..30 --method grid
  has err "the grid has 1240 combinations, more than 1000"
  run 2 tune ease "${tune[@]}" --search l2=1..100:3 --method grid --trials 2
  has err "the grid has 3 combinations, more than 2"
  run 2 tune ease "${tune[@]}" --search top_k=0..2000000000 --method grid
  has err "the grid is too large"
  run 2 tune ease "${tune[@]}" --search l2=1..100 --method grid
  has err "a grid needs to know how many values of the range: 1..100:N"
}

test_repeated_values_are_not_trained_again() {
  small
  run 0 tune ease "${tune[@]}" --search normalize=none/both --trials 10 --trials-out r.csv --json t.json
  json t.json 'j["ok"] == 2 and j["repeated"] == 8'
  json t.json 'all(t["note"].startswith("trial ") for t in j["trials"] if t["status"] == "repeat") and j["best"]["status"] == "ok"'
  "$recsys" tune ease --train train.tsv --valid valid.tsv --columns user,item --search normalize=none/both --trials 3 >out 2>err
  has err "the search has 2 combinations only"
}

test_failed_trials_are_rows() {
  small
  run 0 tune gmf "${tune[@]}" --search dim=4/4096 --method grid --epochs 1 --memory 24M --trials-out f.csv --out m.safetensors --json t.json
  json t.json 'j["ok"] == 1 and j["failed"] == 1 and j["best"]["values"]["dim"] == "4"'
  has f.csv "2,4096,,,,"
  has f.csv "limit 25.16 MB"
  [ -s m.safetensors ]
  run 0 tune gmf "${tune[@]}" --search dim=4/4096 --method grid --epochs 1 --memory 24M --trials-out f.csv --json t.json
  json t.json 'j["ok"] == 1 and j["failed"] == 1 and j["earlier"] == 2'
  run 1 tune gmf "${tune[@]}" --search dim=4096 --trials 1 --epochs 1 --memory 24M --out none.safetensors
  has err "all trials failed; the first one:"
  [ ! -e none.safetensors ]
}

# Kills a search after its second row, and lets it go on.
test_a_killed_search_goes_on() {
  visits
  search=(tune gmf "${tune[@]}" --search dim=2..16,lr=log:0.001..0.05 --trials 6 --epochs 2 --quiet)
  run 0 "${search[@]}" --trials-out whole.csv --out whole.safetensors
  local pid tries=0
  "$recsys" "${search[@]}" --trials-out t.csv --out m.safetensors >out 2>err </dev/null &
  pid=$!
  until [ -e t.csv ] && [ "$(wc -l <t.csv)" -ge 3 ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || return 1
    kill -0 $pid 2>kill || break # where trials are quicker than this loop, all six are done
    sleep 0.01
  done
  kill -KILL $pid 2>kill || true
  wait $pid || true
  before=$(wc -l <t.csv)
  cp t.csv kept.csv
  printf '%d,12,0.01' "$before" >>t.csv # half a row
  run 0 "${search[@]}" --trials-out t.csv --out m.safetensors --json t.json
  has err "the last line is incomplete, and dropped"
  json t.json "j['earlier'] == $before - 1 and j['ok'] == 6"
  head -n "$before" t.csv | cmp - kept.csv # nothing was done again
  rows whole.csv >a
  rows t.csv >b
  cmp a b
  cmp whole.safetensors m.safetensors
  # The best model is trained again if its file is lost, and only then.
  rm m.safetensors
  run 0 "${search[@]}" --trials-out t.csv --out m.safetensors
  has err "does not hold the model of trial"
  cmp whole.safetensors m.safetensors
  run 0 "${search[@]}" --trials-out t.csv --out m.safetensors
  lacks err "does not hold"
}

test_cancelled_search_keeps_its_trials() {
  small
  local pid tries=0 got=0
  "$recsys" tune gmf "${tune[@]}" --search dim=1..64 --trials 1000000 --epochs 20 --trials-out t.csv --out m.safetensors --json j.json >out 2>err </dev/null &
  pid=$!
  until [ -e t.csv ] && [ "$(wc -l <t.csv)" -ge 3 ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || return 1
    kill -0 $pid
    sleep 0.01
  done
  run 1 tune gmf "${tune[@]}" --search dim=1..64 --epochs 20 --trials-out t.csv --out other.safetensors
  has err "another search is writing it"
  kill -INT $pid
  wait $pid || got=$?
  "$recsys" inspect m.safetensors >found 2>err2
  [ "$got" -eq 1 ]
  [ ! -e j.json ]
  no_leftovers
}

test_files_of_other_searches() {
  small
  search=(tune ease --train train.tsv --valid valid.tsv --columns user,item --quiet --search l2=1..10 --trials 2 --trials-out t.csv)
  run 0 "${search[@]}"
  cp t.csv good.csv
  run 1 "${search[@]}" --seed 2
  has err "t.csv is of a search with seed=0; this one has seed=2"
  run 1 "${search[@]}" --params top_k=2
  has err "top_k=0"
  run 1 "${search[@]}" --select RECALL@10
  has err "has the columns"
  run 1 "${search[@]}" --train valid.tsv
  has err "of a search with train="
  run 1 tune ease "${tune[@]}" --search top_k=1/2 --trials-out t.csv
  has err "has the columns trial,l2,NDCG@10"
  cmp t.csv good.csv
  sed 's/^2,[^,]*/2,7/' good.csv >t.csv
  run 1 "${search[@]}"
  has err "trial 2 has l2=7, but in this search it is"
  echo nonsense >>good.csv
  cp good.csv t.csv
  run 1 "${search[@]}"
  has err "t.csv:4: this is no row of a trial"
  sed '2p;$d' good.csv >t.csv
  run 1 "${search[@]}"
  has err "trial 1 comes twice"
  echo "notes of mine" >t.csv
  run 1 "${search[@]}"
  has err "t.csv is not a list of trials"
  [ "$(cat t.csv)" = "notes of mine" ]
  printf 'trial,l' >t.csv
  run 0 "${search[@]}"
  [ "$(wc -l <t.csv)" -eq 3 ]
}

# refused TEXT ARGUMENTS...: before any trial, with a message that has the text.
refused() {
  local text=$1
  shift
  run 2 tune "$@" --trials-out t.csv --out m.safetensors
  has err "$text"
  [ ! -e t.csv ] && [ ! -e m.safetensors ]
}

test_what_is_refused() {
  small
  refused 'did you mean "normalize"?' ease "${tune[@]}" --search normalise=none/both
  refused 'did you mean "dim"?' gmf "${tune[@]}" --search dm=1..4
  refused 'did you mean "weight_decay"?' gmf "${tune[@]}" --search wieght_decay=0/1
  refused "epochs are not searched" gmf "${tune[@]}" --search epochs=1/2
  refused "lr is for models that are trained by steps, and ease is not" ease "${tune[@]}" --search lr=0.1/0.2
  refused "--epochs is for models that are trained by steps" ease "${tune[@]}" --search l2=1/2 --epochs 3
  refused "the range 10..1 is empty" ease "${tune[@]}" --search l2=10..1
  refused "has one value" ease "${tune[@]}" --search l2=10..10
  refused "a logarithmic range must begin above 0" gmf "${tune[@]}" --search alpha=log:0..1
  refused "l2" ease "${tune[@]}" --search l2=0..1
  refused "normalize" ease "${tune[@]}" --search normalize=none/all
  refused "normalize is not a number, so it has no range" ease "${tune[@]}" --search normalize=none..both
  refused "dim" gmf "${tune[@]}" --search dim=1..5000
  refused "dim" gmf "${tune[@]}" --search dim=1.5..3
  refused "log: belongs to a range" gmf "${tune[@]}" --search dim=log:3
  refused "a value is missing" gmf "${tune[@]}" --search dim=3/
  refused "3 comes twice" gmf "${tune[@]}" --search dim=3/3
  refused "dim comes twice" gmf "${tune[@]}" --search dim=3/4,dim=5/6
  refused "is not KEY=VALUES" gmf "${tune[@]}" --search dim
  refused "is not KEY=VALUES" gmf "${tune[@]}" --search dim=3/4,
  refused "is not a number of values" gmf "${tune[@]}" --search dim=1..4:1
  refused "dim is fixed by --params already" gmf "${tune[@]}" --search dim=3/4 --params dim=8
  refused "lr is fixed by --optimizer already" gmf "${tune[@]}" --search lr=0.1/0.2 --optimizer adam:lr=0.1
  refused "batch is fixed by --batch already" gmf "${tune[@]}" --search batch=8/16 --batch 8
  refused "batch: 0 is not from 1" gmf "${tune[@]}" --search batch=0/16
  refused 'negatives: "1.5" is not an integer' gmf "${tune[@]}" --search negatives=1.5/2
  refused "--select loss is for models that are trained by steps" ease "${tune[@]}" --search l2=1/2 --select loss
  refused 'did you mean "NDCG"?' ease "${tune[@]}" --search l2=1/2 --select NDGC@10
  refused "is not a cut-off" ease "${tune[@]}" --search l2=1/2 --select NDCG@0
  refused "neither loss nor a metric" ease "${tune[@]}" --search l2=1/2 --select NDCG
  refused "--search KEY=VALUES is missing" ease "${tune[@]}"
  refused "--valid FILE is missing" ease --train train.tsv --columns user,item --search l2=1/2
  refused "--train FILE is missing" ease --valid valid.tsv --columns user,item --search l2=1/2
  refused "no option --trial;" ease "${tune[@]}" --search l2=1/2 --trial 3
  run 2 tune ease "${tune[@]}" --search l2=1/2 --trials-out train.tsv
  has err "--trials-out would overwrite train.tsv"
  run 2 tune ease "${tune[@]}" --search l2=1/2 --trials-out t.csv --out t.csv
  has err "would both be written to"
  run 2 tune ease "${tune[@]}" --search l2=1/2 --checkpoint c
  has err "--checkpoint does not belong to this command"
  refused "--optimizer: " gmf "${tune[@]}" --search dim=1/2 --optimizer adem
  refused "--optimizer: " gmf "${tune[@]}" --search dim=1/2 --optimizer adam:lr=0
  run 1 tune ease "${tune[@]}" --search l2=1/2 --valid nowhere.tsv
}

test_lists_are_values() {
  small
  run 0 tune gmf "${tune[@]}" --search optimizer.milestones=2:4/3:6:9 --optimizer adam:schedule=step --params dim=2 --method grid --epochs 1 --json t.json
  json t.json '{t["values"]["optimizer.milestones"] for t in j["trials"]} == {"2:4", "3:6:9"} and j["ok"] == 2'
  has out "--optimizer adam:schedule=step,milestones="
}

run_tests
