#!/usr/bin/env bash
# flow.sh - from events to recommendations on small data: every command once and more, and what comes out.
. "$(dirname "$0")/support.sh"

test_stats() {
  two_tastes
  run 0 stats events.tsv --columns user,item,value,time --items items.tsv --json s.json
  json s.json 'j["users"] == 20 and j["items"] == 10 and j["events"] == 80 and j["interactions"] == 80'
  json s.json 'abs(j["density"] - 0.4) < 1e-12 and j["user_min"] == 4 and j["time_min"] == 100'
  [ "$(wc -l <out)" -gt 5 ]
}

test_filters() {
  two_tastes
  cat events.tsv events.tsv >twice.tsv
  run 0 stats twice.tsv --columns user,item,value,time --json s.json
  json s.json 'j["events"] == 160 and j["interactions"] == 80'
  run 0 stats twice.tsv --columns user,item,value,time --duplicates last --json s.json
  json s.json 'j["events"] == 80'
  run 0 stats events.tsv events.tsv --columns user,item,value,time --duplicates last --json s.json
  json s.json 'j["events"] == 80'
  run 1 stats twice.tsv --columns user,item,value,time --duplicates error
  run 0 stats events.tsv --columns user,item,value,time --min-value 3 --json s.json
  json s.json '0 < j["events"] < 80 and j["value_max"] == 1'
  run 0 stats events.tsv --columns user,item --k-core 4,8 --json s.json
  json s.json 'j["interactions"] == 80'
  run 1 stats events.tsv --columns user,item --k-core 5
  printf 'a\tx\tview\na\ty\tbuy\nb\tx\tbuy\n' >behaviours.tsv
  run 0 stats behaviours.tsv --columns user,item,behaviour --behaviour buy --json s.json
  json s.json 'j["events"] == 2'
  run 1 stats behaviours.tsv --columns user,item,behaviour --behaviour sell
  has err sell
}

test_reading_options() {
  printf 'who;what;when\nann;tea;5\nbob;tea;6\n' >table.csv
  run 0 stats table.csv --separator ';' --header yes --columns who=user,what=item,when=time --json s.json
  json s.json 'j["users"] == 2 and j["items"] == 1 and j["time_max"] == 6'
  printf '1\t2\n3\t4\n' >numbers.tsv
  run 0 stats numbers.tsv --separator tab --users 10 --items 5 --header no --json s.json
  json s.json 'j["users"] == 10 and j["items"] == 5'
  printf '1\t2\n3\tfour\n' >mixed.tsv
  run 1 stats mixed.tsv
  has err "mixed.tsv:2"
  run 0 stats mixed.tsv --id-type string
  gzip -c numbers.tsv >numbers.tsv.gz
  run 0 stats numbers.tsv.gz
}

test_clean_events() {
  printf 'a\tx\t5\na\ty\t3\nb\tx\t4\nb\ty\t5\nb\ty\t1\n' >ratings.tsv
  columns=(--columns user,item,value)
  run 0 stats ratings.tsv "${columns[@]}" --json s.json
  json s.json '"clean_events" not in j'
  run 0 stats ratings.tsv "${columns[@]}" --clean 'value>=5' --json s.json
  json s.json 'j["events"] == 5 and j["clean_events"] == 2'
  has out "clean events            2 (40.00 %)"
  run 0 stats ratings.tsv "${columns[@]}" --clean 'value>=5' --only-clean --json s.json
  json s.json 'j["events"] == 2 and j["clean_events"] == 2'
  # the rule sees values before --min-value drops them, and after --duplicates merged them
  run 0 stats ratings.tsv "${columns[@]}" --min-value 4 --clean 'value>=5' --json s.json
  json s.json 'j["events"] == 3 and j["clean_events"] == 2 and j["value_max"] == 1'
  run 0 stats ratings.tsv "${columns[@]}" --duplicates sum --clean 'value>=6' --json s.json
  json s.json 'j["events"] == 4 and j["clean_events"] == 1'
  run 0 split ratings.tsv "${columns[@]}" --clean 'value>=5' --test-share 0.4 --out parts --json s.json
  json s.json 'j["columns"] == "user,item,value,flag"'
  run 2 stats ratings.tsv "${columns[@]}" --clean 'vaule>=5'
  has err 'did you mean "value"'
  run 2 stats ratings.tsv "${columns[@]}" --clean 'value>=five'
  run 1 stats ratings.tsv --columns user,item --clean 'value>=5'
  has err "no values"
  run 1 stats ratings.tsv --columns user,item --only-clean
  has err "no flags"
}

test_rating_and_negative_files() {
  printf '0\t1\t1\n0\t2\t0\n1\t1\t1\n2\t3\t1\n2\t1\t1\n' >small.train.rating
  printf '(0,3)\t4\t5\n(1,4)\t2\t3\n' | gzip >small.test.negative.gz
  run 0 stats small.train.rating --users 3 --items 6 --json s.json
  json s.json 'j["users"] == 3 and j["items"] == 6 and j["events"] == 5 and j["clean_events"] == 4'
  run 0 stats small.test.negative.gz --json s.json
  json s.json 'j["events"] == 2'
  run 0 stats small.test.negative.gz --format negative-candidates --json s.json
  json s.json 'j["events"] == 4'
  run 0 train top-popular --train small.train.rating --users 3 --items 6 --out m.safetensors
  run 0 evaluate m.safetensors --test small.test.negative.gz --negatives small.test.negative.gz --cutoffs 1,3 --json r.json
  json r.json 'j["metrics"]["1"]["RECALL"] == 0.5 and j["metrics"]["3"]["RECALL"] == 1'
  # --columns speaks of the files that have columns; of what is known all counts, of the test what is clean
  run 0 evaluate m.safetensors --train small.train.rating --test small.train.rating --columns user,item,flag --only-clean \
    --keep-seen --cutoffs 2 --json r.json
  json r.json 'j["users"] == 3'
  printf '0\t1\t1\n0\t1\t7\n' >bad.rating
  run 1 stats bad.rating
  has err "bad.rating:2: column 3 (flag)"
  printf '(0,3)\t4\n(0;3)\t4\n' >bad.negative
  run 1 stats bad.negative
  has err "bad.negative:2: "
  printf '0\t1\t1\n0\t2\t0\n0\t1\t0\n' >twice.rating
  run 1 stats twice.rating --duplicates error
  has err "twice.rating:3: user 0 and item 1"
}

test_split_methods() {
  two_tastes
  columns=(--columns user,item,value,time)
  for method in random random-per-user last-per-user strong; do
    share=(--test-share 0.25)
    if [ $method = last-per-user ]; then share=(); fi
    run 0 split events.tsv "${columns[@]}" --method $method "${share[@]}" --seed 7 --out $method --json s.json
    json s.json 'j["columns"] == "user,item,value,time" and j["train"]["events"] > 0 and j["test"]["events"] > 0'
    cat $method/*.tsv | sort >all
    sort events.tsv | cmp - all
  done
  [ -e strong/test_history.tsv ]
  [ "$(wc -l <last-per-user/test.tsv)" -eq 20 ]
  run 0 split events.tsv "${columns[@]}" --method by-time --test-time 160 --valid-time 150 --out-test t.tsv --out-valid v.tsv.gz
  [ "$(wc -l <t.tsv)" -eq 20 ]
  [ "$(gzip -dc v.tsv.gz | wc -l)" -eq 10 ]
  run 2 split events.tsv "${columns[@]}" --out-valid v.tsv
  has err "no valid data"
  run 0 split events.tsv "${columns[@]}" --test-share 0.25 --seed 7 --out again
  cmp random/test.tsv again/test.tsv
  run 0 split events.tsv "${columns[@]}" --seed 8 --out other
  if cmp -s random/test.tsv other/test.tsv; then return 1; fi # another draw
  no_leftovers
}

test_train_writes_json() {
  two_tastes
  run 0 train ease --train events.tsv --columns user,item --params l2=1 --out model.safetensors --json t.json
  json t.json 'j["model"] == "ease" and "l2=1" in j["params"] and j["users"] == 20 and j["items"] == 10'
  json t.json 'j["interactions"] == 80 and 0 <= j["seconds"] < 60 and j["peak_bytes"] > 0 and j["rss_bytes"] > 1000000'
  no_leftovers
}

test_train_from_several_files() {
  two_tastes
  head -n 40 events.tsv >a.tsv
  tail -n 40 events.tsv >b.tsv
  run 0 train ease --train a.tsv --train b.tsv --columns user,item --params l2=1 --out model.safetensors --json t.json
  json t.json 'j["interactions"] == 80'
}

test_dry_run() {
  two_tastes
  run 0 train ease --train events.tsv --columns user,item --dry-run --json t.json
  json t.json 'j["peak_bytes"] > 0 and j["model_bytes"] > 0'
}

test_same_bits_with_any_number_of_threads() {
  two_tastes
  for n in 1 2 3; do
    run 0 train ease --train events.tsv --columns user,item --params l2=1 --threads $n --out $n.safetensors
    cmp 1.safetensors $n.safetensors
  done
}

test_evaluate() {
  two_tastes
  run 0 split events.tsv --columns user,item,value,time --method last-per-user --out parts
  run 0 train ease --train parts/train.tsv --columns user,item --params l2=1 --out model.safetensors
  run 0 evaluate model.safetensors --train parts/train.tsv --test parts/test.tsv --columns user,item --cutoffs 5,2 --auc \
    --json r.json --csv r.csv --per-user u.csv
  has out NDCG
  json r.json 'set(j["metrics"]) == {"2", "5", "all"} and j["users"] == 20 and j["users_skipped"] == 0'
  json r.json 'j["metrics"]["2"]["RECALL"] == 1.0 and 0 < j["metrics"]["2"]["NDCG"] <= 1 and "AUC" in j["metrics"]["all"]'
  json r.json 'j["seconds"] >= 0 and j["users_per_second"] > 0'
  has r.csv "RECALL,2,1"
  [ "$(wc -l <u.csv)" -eq 21 ]
  has u.csv u20
  # what the model holds itself gives the same figures
  run 0 evaluate model.safetensors --test parts/test.tsv --columns user,item --cutoffs 5,2 --csv own.csv --auc
  cmp r.csv own.csv
}

test_evaluation_protocols() {
  two_tastes
  run 0 split events.tsv --columns user,item,value,time --method last-per-user --test-k 2 --out parts
  run 0 train ease --train parts/train.tsv --columns user,item --params l2=1 --out model.safetensors
  evaluate=(evaluate model.safetensors --test parts/test.tsv --columns user,item,value,time --cutoffs 2 --json r.json)
  printf 'u1\r\nu2\nnobody\n' >users.txt
  run 0 "${evaluate[@]}" --ignore-users users.txt
  json r.json 'j["users"] == 18 and j["users_skipped"] == 2'
  echo i1 >items.txt
  run 0 "${evaluate[@]}" --ignore-items items.txt
  json r.json 'j["test_items"] < 40'
  run 1 "${evaluate[@]}" --min-ratings 3
  run 0 "${evaluate[@]}" --binary-gain --keep-seen
  run 0 "${evaluate[@]}" --mask parts/test.tsv
  json r.json 'j["metrics"]["2"]["RECALL"] == 0'
  run 0 "${evaluate[@]}" --sample-negatives 2 --seed 3
  run 0 "${evaluate[@]}" --negatives parts/train.tsv
  printf 'new\ti1\t1\t1\nu1\tnever\t1\t1\nu1\ti1\t1\t1\n' >test.tsv
  for cold in skip model miss; do
    run 0 evaluate model.safetensors --test test.tsv --columns user,item --cold $cold --json r.json
    json r.json 'j["users_cold"] == 1'
  done
  json r.json 'j["users"] == 2 and j["test_items_unseen"] == 1'
  run 0 evaluate model.safetensors --test test.tsv --columns user,item --drop-unseen-items --json r.json
  json r.json 'j["test_items"] == 1'
}

test_recommend_known_user() {
  trained
  run 0 recommend model.safetensors --user u1 --top 1 --items items.tsv --json r.json
  # of the first five items u1 lacks the second
  has out "Name two"
  json r.json 'j["users"][0]["user"] == "u1" and [i["item"] for i in j["users"][0]["items"]] == ["i2"]'
  json r.json 'j["users"][0]["items"][0]["name"] == "Name two"'
  run 0 recommend model.safetensors --user u1 --user u11 --top 3 --show-history 2
  has out "and 2 more"
  [ "$(grep -c '^user' out)" -eq 2 ]
}

test_recommend_someone_new() {
  trained
  run 0 recommend model.safetensors --history i6,i7 --top 3 --items items.tsv --json r.json
  json r.json 'j["users"][0]["user"] is None and {i["item"] for i in j["users"][0]["items"]} == {"i8", "i9", "i10"}'
  json r.json 'any(i["name"] == "Name ten \"quoted\" — dash" for i in j["users"][0]["items"])'
  run 0 recommend model.safetensors --history i6 --top 2 --keep-seen --json r.json
  printf 'i9\ni8\n' >some.txt
  run 0 recommend model.safetensors --history i6 --only-items some.txt --json r.json
  json r.json '{i["item"] for i in j["users"][0]["items"]} == {"i8", "i9"}'
  run 0 recommend model.safetensors --history i6 --ignore-items some.txt --json r.json
  json r.json 'not {i["item"] for i in j["users"][0]["items"]} & {"i6", "i8", "i9"}'
}

test_recommend_all() {
  trained
  run 0 recommend model.safetensors --all --top 2 --out all.tsv --items items.tsv
  [ "$(wc -l <all.tsv)" -eq 40 ]
  has all.tsv "$(printf 'u1\t1\ti2\t')"
  run 0 recommend model.safetensors --all --top 2 --out -
  cut -f 1-4 all.tsv | cmp - out
  run 0 stats all.tsv --columns user,_,item,value,_
  no_leftovers
}

test_recommend_all_can_be_read_back() {
  printf '"a\tb"\ti1\n"a\tb"\ti2\nc\ti1\nc\ti3\n' >events.tsv
  printf 'i1\tone\ni2\t"two ""2"""\ni3\tthree\n' >items.tsv
  run 0 train ease --train events.tsv --columns user,item --params l2=1 --out model.safetensors
  run 0 recommend model.safetensors --all --top 1 --items items.tsv --out all.tsv
  has all.tsv "$(printf '"a\tb"\t1\ti3\t')"
  has all.tsv "$(printf '\t"two ""2"""')"
  run 0 stats all.tsv --columns user,_,item,value,_ --json s.json
  json s.json 'j["users"] == 2 and j["items"] == 2'
}

test_someone_of_whom_nothing_is_known() {
  two_tastes
  (seq -f 'u%g' 20 && echo stranger) >users.txt
  run 0 train ease --train events.tsv --columns user,item --users users.txt --params l2=1 --out model.safetensors
  run 0 recommend model.safetensors --user stranger --user u1 --top 3
  has err "nothing is known of user stranger: every item scores the same"
  lacks err "user u1"
  has out "user stranger"
  run 0 recommend model.safetensors --all --top 2 --out all.tsv
  has err "users left out because nothing is known of them: 1"
  has out "each of 20 users"
  [ "$(wc -l <all.tsv)" -eq 40 ]
  lacks all.tsv stranger
  run 0 recommend model.safetensors --history i1,i1 --top 2
  has out "who knows 1 item"
}

test_lists_of_unknown_ids() {
  trained
  printf 'i9\nnothing\nnever\n' >some.txt
  printf 'nothing\n' >none.txt
  : >empty.txt
  run 0 recommend model.safetensors --user u1 --only-items some.txt
  has err "--only-items: 2 of the 3 ids in some.txt are unknown"
  run 1 recommend model.safetensors --user u1 --only-items none.txt
  run 1 recommend model.safetensors --user u1 --only-items empty.txt
  run 1 recommend model.safetensors --user u1 --ignore-items none.txt
  run 0 recommend model.safetensors --user u1 --ignore-items empty.txt
  evaluate=(evaluate model.safetensors --test events.tsv --columns user,item --keep-seen)
  run 0 "${evaluate[@]}" --ignore-items some.txt
  has err "--ignore-items: 2 of the 3"
  run 1 "${evaluate[@]}" --ignore-items none.txt
  run 1 "${evaluate[@]}" --ignore-users none.txt
}

test_split_makes_its_folder() {
  two_tastes
  run 0 split events.tsv --columns user,item,value,time --out new/parts/ --json new/parts/s.json
  [ -s new/parts/train.tsv ] && [ -s new/parts/s.json ]
}

test_histories_from_a_file() {
  trained
  run 0 train ease --train events.tsv --columns user,item --params l2=1 --without-histories --out bare.safetensors
  run 1 recommend bare.safetensors --user u1
  run 0 recommend bare.safetensors --user u1 --train events.tsv --columns user,item --top 3 --json a.json
  run 0 recommend model.safetensors --user u1 --top 3 --json b.json
  cmp a.json b.json
  printf 'new\ti1\nnew\tunheard\n' >new.tsv
  run 0 recommend model.safetensors --user new --train new.tsv --columns user,item --top 2 --show-history 5
  has out "i1"
  run 0 recommend model.safetensors --all --train new.tsv --columns user,item --top 2 --out all.tsv
  [ "$(cut -f 1 all.tsv | sort -u)" = new ]
}

test_similar() {
  trained
  run 0 similar model.safetensors --item i6 --top 4 --items items.tsv --json s.json
  json s.json 'j["item"] == "i6" and {i["item"] for i in j["items"]} == {"i7", "i8", "i9", "i10"}'
  has out "Name seven"
}

test_inspect_and_export() {
  trained
  run 0 inspect model.safetensors --json i.json
  has out "params     l2=1"
  json i.json 'j["users"] == 20 and j["items"] == 10 and j["file_bytes"] > 0 and len(j["tensors"]) > 1'
  run 0 inspect model.safetensors --verify header
  "$python" -c 'import json; [print(t["name"]) for t in json.load(open("i.json"))["tensors"]]' >names
  while read -r name; do
    run 0 export model.safetensors --tensor "$name" --out "$name.npy"
    "$python" - "$name" <<'PYTHON'
import ast, json, sys
tensor = next(t for t in json.load(open("i.json"))["tensors"] if t["name"] == sys.argv[1])
data = open(sys.argv[1] + ".npy", "rb").read()
assert data[:8] == b"\x93NUMPY\x01\x00"
length = int.from_bytes(data[8:10], "little")
assert (10 + length) % 64 == 0 and data[9 + length:10 + length] == b"\n"
head = ast.literal_eval(data[10:10 + length].decode())
assert list(head["shape"]) == tensor["shape"] and head["fortran_order"] is False, head
assert len(data) - 10 - length == tensor["bytes"]
PYTHON
    run 0 export model.safetensors --tensor "$name" --out -
    cmp out "$name.npy"
  done <names
  run 0 export model.safetensors --ids items --out ids.txt
  [ "$(wc -l <ids.txt)" -eq 10 ]
  run 0 export model.safetensors --ids users --out -
  [ "$(wc -l <out)" -eq 20 ]
  no_leftovers
}

test_top_popular() {
  two_tastes
  run 0 train top-popular --train events.tsv --columns user,item --out pop.safetensors
  run 0 recommend pop.safetensors --history i1 --top 3
  run 0 inspect pop.safetensors
}

test_integer_ids() {
  two_tastes
  tr -d ui <events.tsv >numbers.tsv
  run 0 train ease --train numbers.tsv --columns user,item --params l2=1 --out model.safetensors
  run 0 recommend model.safetensors --user 1 --top 1 --json r.json
  json r.json 'j["users"][0]["user"] == 1 and j["users"][0]["items"][0]["item"] == 2'
}

test_movielens_folder() {
  mkdir ml
  printf 'userId,movieId,rating,timestamp\n1,10,4.0,100\n1,20,5.0,101\n2,10,3.0,102\n2,30,2.0,103\n' >ml/ratings.csv
  printf 'movieId,title,genres\n10,"Boat, The (1999)",Drama\n20,Sea (2001),Drama|Comedy\n30,Sky (2002),Comedy\n' >ml/movies.csv
  run 0 stats ml --format movielens --json s.json
  json s.json 'j["users"] == 2 and j["items"] == 3 and j["value_max"] == 5 and "genres" in j["features"]'
  run 0 train ease --train ml --format movielens --params l2=1 --out model.safetensors
  run 0 recommend model.safetensors --user 2 --top 1 --items ml
  has out "Sea"
}

test_progress_and_quiet() {
  many_items 60000 2000 2500
  run 0 train ease --train many.tsv --columns user,item --out m.safetensors
  lacks err "["
  [ -s err ]
  run 0 train ease --train many.tsv --columns user,item --out m.safetensors --quiet
  [ ! -s err ]
  two_tastes
  run 0 train ease --train events.tsv --columns user,item --out m.safetensors --trace
  has err "recsys: trace: "
}

run_tests
