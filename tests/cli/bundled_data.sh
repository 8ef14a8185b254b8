#!/usr/bin/env bash
# bundled_data.sh - the bundled data through the program: what the READMEs in examples/data say is so.
. "$(dirname "$0")/support.sh"

data=$here/../../examples/data

test_entree() {
  run 0 stats "$data/entree/events.tsv.gz" --columns user,item,behaviour,time,session --items "$data/entree/items.tsv.gz" --json s.json
  json s.json 'j["users"] == 20093 and j["items"] == 676 and j["events"] == 238868 and j["sessions"] == 50672 and j["behaviours"] == 9'
}

test_entree_chosen_against_browsed() {
  columns=(--columns user,item,behaviour,time,session)
  run 0 stats "$data/entree/events.tsv.gz" "${columns[@]}" --clean 'behaviour==end' --json s.json
  json s.json 'j["events"] == 238868 and j["clean_events"] == 44580'
  run 0 stats "$data/entree/events.tsv.gz" "${columns[@]}" --duplicates last --clean 'behaviour==end' --json s.json
  json s.json 'j["events"] == j["interactions"] == 178549 and j["clean_events"] == 39004'
}

test_msweb_new_users_by_fold_in() {
  run 0 train ease --train "$data/msweb/train.tsv.gz" --columns user,item --params l2=100 --out m.safetensors --json t.json
  json t.json 'j["users"] == 32711 and j["items"] == 285 and j["interactions"] == 98654'
  run 0 split "$data/msweb/test.tsv.gz" --columns user,item --method random-per-user --test-share 0.5 --seed 1 --out parts
  run 0 evaluate m.safetensors --train parts/train.tsv --test parts/test.tsv --columns user,item --cutoffs 10 --json ease.json
  run 0 train top-popular --train "$data/msweb/train.tsv.gz" --columns user,item --out p.safetensors
  run 0 evaluate p.safetensors --train parts/train.tsv --test parts/test.tsv --columns user,item --cutoffs 10 --json pop.json
  "$python" -c 'import json; e, p = (json.load(open(f))["metrics"]["10"]["NDCG"] for f in ("ease.json", "pop.json")); assert e > 1.2 * p, (e, p)'
}

run_tests
