#!/usr/bin/env bash
# classify.sh - rows of features with a label: a classifier from files to classes, its validation, its search, and what is refused;
# and users with features of their own.
. "$(dirname "$0")/support.sh"

iris=$here/../../examples/data/iris/iris.csv
labelled=(--columns 'feature*4,label')

# Four fifths of the flowers for training, two files; of the others twenty for validation, ten for the end.
flowers() {
  awk -F, 'NR == 1 { for (k = 1; k <= 4; k++) print >("part" k ".csv"); next }
    { k = NR % 5 ? (NR % 2 ? 1 : 2) : (NR % 3 ? 3 : 4); print >("part" k ".csv") }' "$iris"
  train=(train mlp-classifier --train part1.csv --train part2.csv "${labelled[@]}" --optimizer adam:lr=0.01 --batch 32 --epochs 40
    --seed 3 --quiet)
}

test_validation_chooses_the_model() {
  flowers
  run 0 "${train[@]}" --valid part3.csv --log curve.csv --json t.json --out m.safetensors
  has out "chosen by the loss on the validation data"
  json t.json 'j["select"] == "loss" and j["users"] == 150 - 10 and j["items"] == 3 and len(j["epochs"]) == 40'
  json t.json 'j["best"] == min(e["validation"] for e in j["epochs"]) < 0.3 < j["epochs"][0]["validation"]'
  [ "$(grep -c ',validation,[0-9]' curve.csv)" -eq 40 ]
  run 0 evaluate m.safetensors --test part3.csv "${labelled[@]}" --json v.json
  json v.json 'abs(j["cross_entropy"] - json.load(open("t.json"))["best"]) < 1e-6'
  # A loss that grows ends the training early.
  run 0 "${train[@]}" --optimizer sgd:lr=2 --valid part3.csv --patience 2 --json p.json --out p.safetensors
  json p.json 'len(j["epochs"]) < 40 and j["steps"] < 4 * 40'
}

test_resumed_training_gives_the_same_bytes() {
  flowers
  run 0 "${train[@]}" --valid part3.csv --out whole.safetensors
  run 0 "${train[@]}" --valid part3.csv --max-steps 70 --checkpoint c --out half.safetensors
  run 0 "${train[@]}" --valid part3.csv --resume c --threads 2 --out again.safetensors
  cmp whole.safetensors again.safetensors
  lacks err rror
  # Other rows are not those that the checkpoint knows.
  run 1 "${train[@]}" --valid part4.csv --resume c --out x.safetensors
}

test_figures() {
  flowers
  run 0 "${train[@]}" --out m.safetensors
  run 0 evaluate m.safetensors --test part3.csv --test part4.csv "${labelled[@]}" --json r.json
  has out "of 30 rows right: accuracy "
  has out "versicolor"
  json r.json 'j["rows"] == 30 and j["correct"] >= 27 and abs(j["accuracy"] - j["correct"] / 30) < 1e-12'
  json r.json '[c["class"] for c in j["classes"]] == ["setosa", "versicolor", "virginica"]'
  json r.json 'sum(c["answers"][i] for i, c in enumerate(j["classes"])) == j["correct"]'
  json r.json 'all(abs(c["recall"] - c["answers"][i] / sum(c["answers"])) < 1e-12 for i, c in enumerate(j["classes"]))'
  json r.json 'all(abs(c["precision"] - c["answers"][i] / sum(d["answers"][i] for d in j["classes"])) < 1e-12 for i, c in enumerate(j["classes"]))'
  json r.json 'abs(j["macro_f1"] - sum(c["f1"] for c in j["classes"]) / 3) < 1e-12'
  json r.json '0 < j["cross_entropy"] < 0.4'
  # The same from what the rows are said to be.
  run 0 recommend m.safetensors --rows part3.csv --rows part4.csv "${labelled[@]}" --json rows.json
  "$python" - rows.json r.json part3.csv part4.csv <<'PYTHON'
import csv, json, math, sys
said, figures = (json.load(open(name)) for name in sys.argv[1:3])
labels = [row[-1] for name in sys.argv[3:] for row in list(csv.reader(open(name)))[1:]]
assert [r["row"] for r in said["rows"]] == list(range(30)) and len(labels) == 30
right, loss = 0, 0.0
for row, label in zip(said["rows"], labels):
    p = {c["class"]: c["probability"] for c in row["classes"]}
    assert len(p) == 3 and abs(sum(p.values()) - 1) < 1e-6
    assert [c["probability"] for c in row["classes"]] == sorted(p.values(), reverse=True)
    right += row["classes"][0]["class"] == label
    loss -= math.log(p[label]) / 30
assert right == figures["correct"] and abs(loss - figures["cross_entropy"]) < 1e-5
PYTHON
}

test_rows_without_labels() {
  flowers
  run 0 "${train[@]}" --out m.safetensors
  run 0 recommend m.safetensors --rows part4.csv "${labelled[@]}" --out with.tsv
  has out "up to 3 classes for each of 10 rows"
  cut -d, -f1-4 part4.csv >bare.csv
  run 0 recommend m.safetensors --rows bare.csv --columns 'feature*4' --out bare.tsv
  cmp with.tsv bare.tsv
  [ "$(wc -l <bare.tsv)" -eq 30 ]
  awk -F'\t' 'NF != 4 || $2 != (NR - 1) % 3 + 1 || $4 < 0 || $4 > 1 { exit 1 }' bare.tsv
  run 0 recommend m.safetensors --rows bare.csv --columns 'feature*4' --top 1
  [ "$(wc -l <out)" -eq 10 ]
  has out "row 9: "
  run 1 evaluate m.safetensors --test bare.csv --columns 'feature*4'
  has err 'label "?" is none of the model'"'"'s 3 classes'
}

test_a_search_goes_by_loss() {
  flowers
  tune=(tune mlp-classifier --train part1.csv --train part2.csv --valid part3.csv "${labelled[@]}" --search layers=4/8:8,lr=0.001/0.02
    --method grid --optimizer adam --epochs 15 --trials-out t.csv --out best.safetensors --json t.json --quiet)
  run 0 "${tune[@]}"
  json t.json 'j["select"] == "loss" and j["ok"] == 4 and j["best"]["value"] == min(t["value"] for t in j["trials"])'
  cp best.safetensors found.safetensors
  "$python" -c 'import json; print(json.load(open("t.json"))["command"])' >command
  sed -i "s|^recsys|'$recsys'|" command
  bash command >out 2>err
  cmp best.safetensors found.safetensors
  run 2 "${tune[@]}" --select NDCG@10
  has err "a classifier is chosen by loss"
}

test_split_and_filters() {
  run 0 stats "$iris" "${labelled[@]}" --json s.json
  json s.json 'j["users"] == 150 and j["items"] == 3'
  run 0 split "$iris" "${labelled[@]}" --valid-share 0.1 --test-share 0.2 --seed 2 --out parts
  has out "user,feature*4,label"
  ids=(--columns 'user,feature*4,label')
  [ "$(cat parts/*.tsv | grep -vc user)" -eq 150 ]
  run 0 train mlp-classifier --train parts/train.tsv --valid parts/valid.tsv "${ids[@]}" --epochs 3 --quiet --out m.safetensors
  run 0 evaluate m.safetensors --test parts/test.tsv "${ids[@]}"
  run 1 train mlp-classifier --train parts/train.tsv --valid parts/train.tsv "${ids[@]}" --epochs 3 --quiet --out m.safetensors
  has err "comes twice"
  run 0 train mlp-classifier --train parts/train.tsv "${ids[@]}" --epochs 1 --k-core 1,5 --quiet --out m.safetensors
}

test_refusals() {
  flowers
  run 0 "${train[@]}" --epochs 1 --out m.safetensors
  run 2 "${train[@]}" --valid part3.csv --select NDCG@10 --out x.safetensors
  has err "it is chosen by loss"
  run 2 "${train[@]}" --valid part3.csv --k-core 1 --out x.safetensors
  has err "--k-core"
  run 1 train mlp-classifier --train part1.csv --columns user,_,_,_,item --quiet --out x.safetensors
  has err "the data has none"
  run 2 evaluate m.safetensors --test part3.csv "${labelled[@]}" --csv x.csv
  has err "--csv is for ranked lists"
  run 1 evaluate m.safetensors --test part3.csv --columns 'feature*3,_,label'
  has err "3 features"
  sed 's/virginica/rose/' part3.csv >rose.csv
  run 1 evaluate m.safetensors --test rose.csv "${labelled[@]}"
  has err 'label "rose" is none of the model'"'"'s 3 classes'
  run 2 recommend m.safetensors --rows part3.csv --columns user,item
  has err "--rows needs --columns with feature"
  run 2 recommend m.safetensors --rows part3.csv "${labelled[@]}" --user 1
  has err "exclude each other"
  run 2 recommend m.safetensors --rows part3.csv "${labelled[@]}" --out part3.csv
  run 1 recommend m.safetensors --rows part3.csv --columns 'feature*2,_,_,_'
  has err "2 features are given"
  run 2 recommend m.safetensors --all --out x
  has err "give --rows"
  run 2 evaluate m.safetensors --test part3.csv "${labelled[@]}" --cutoffs 5
  has err "--cutoffs is for ranked lists"
  printf '1\t7\n1\t8\n2\t9\n' >pairs.tsv
  run 0 train gmf --train pairs.tsv --columns user,item --epochs 1 --quiet --out ranker.safetensors
  run 2 recommend ranker.safetensors --rows part3.csv "${labelled[@]}"
  has err "gmf ranks items for users"
  run 2 recommend ranker.safetensors --history 7
  has err "gmf knows only users it was trained on"
  run 1 recommend ranker.safetensors --user 3
  has err 'no user "3"'
  lacks err "--history"
  sed '3s/^[^,]*/tall/' part3.csv >tall.csv
  run 1 recommend m.safetensors --rows tall.csv "${labelled[@]}"
  has err 'tall.csv:3: column 1 (feature 1): "tall" is not a number'
  no_leftovers
}

# Features of users take part in two-tower models; a table that cannot be read is the command line's fault or the file's.
test_user_columns() {
  two_tastes
  awk 'BEGIN { OFS = "\t"; for (u = 1; u <= 20; u++) print "u" u, "Name " u, u <= 10 ? "young|town" : "old" }' >users.tsv
  read=(--columns user,item,value,time --users users.tsv)
  run 0 stats events.tsv "${read[@]}" --user-columns user,name,features --json s.json
  has out "user features"
  run 0 train two-tower-product --train events.tsv "${read[@]}" --user-columns user,_,group --params layers=4:4 --epochs 1 --quiet \
    --out m.safetensors
  run 0 export m.safetensors --tensor user_feature_weight --out w.npy
  run 2 stats events.tsv --columns user,item,value,time --user-columns user,name
  has err "user_columns"
  run 2 stats events.tsv "${read[@]}" --user-columns name,features
  has err "user_columns"
  run 2 stats "$iris" "${labelled[@]}" --users users.tsv --user-columns user,_,features
  has err "rows bring their features themselves"
}

run_tests
