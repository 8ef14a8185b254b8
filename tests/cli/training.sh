#!/usr/bin/env bash
# training.sh - training by steps: all four models from files to lists, what is written on the way, checkpoints, and what is refused.
. "$(dirname "$0")/support.sh"

data=$here/../../examples/data/entree/events.tsv.gz
columns=(--columns user,item,time,behaviour,session,flag)

# The restaurants at which visits ended are the clean events, those only browsed the noisy ones.
entree() {
  run 0 split "$data" --columns user,item,behaviour,time,session --duplicates last --k-core 20 --clean 'behaviour==end' \
    --method random-per-user --valid-share 0.1 --test-share 0.2 --seed 1 --out parts
  train=(--train parts/train.tsv "${columns[@]}" --batch 1024 --seed 1 --quiet)
}

# Two tastes with flags: training and validation data of a small world.
small() {
  two_tastes
  awk 'BEGIN { OFS = "\t" } { print $1, $2, NR % 3 == 0 ? 1 : 0 > (NR % 4 == 0 ? "valid.tsv" : "train.tsv") }' events.tsv
  train=(train gmf --train train.tsv --columns user,item,flag --params dim=4 --batch 16 --quiet --out m.safetensors)
}

test_every_model_on_bundled_data() {
  entree
  local model params
  for model in gmf mlp neumf cdae; do
    case $model in
      gmf) params=dim=8,loss=t-ce,drop_rate=0.1,num_gradual=100 ;;
      cdae) params=hidden=16,loss=r-ce,alpha=0.1 ;;
      *) params=dim=4,layers=2,dropout=0.1,loss=r-ce ;;
    esac
    run 0 train $model "${train[@]}" --valid parts/valid.tsv --params $params --optimizer adam:lr=0.005 --epochs 2 \
      --negatives 1 --out $model.safetensors --json t.json
    has out "chosen by the loss on the validation data"
    json t.json 'j["model"] == "'$model'" and j["seconds"] > 0 and j["peak_bytes"] > 0 and len(j["epochs"]) == 2'
    json t.json 'j["select"] == "loss" and j["best"] == min(e["validation"] for e in j["epochs"])'
    json t.json 'j["best_step"] in [e["step"] for e in j["epochs"]] and j["optimizer"] == "adam:lr=0.005"'
    json t.json 'all(e["loss"] > 0 and e["seconds"] > 0 and e["samples_per_second"] > 0 for e in j["epochs"])'
    json t.json 'all(e["clean_loss"] > 0 and e["noisy_loss"] > 0 for e in j["epochs"])'
    [ $model != gmf ] || json t.json 'all(e["dropped"] > 0 and e["dropped"] == e["dropped_clean"] + e["dropped_noisy"] for e in j["epochs"])'
    run 0 evaluate $model.safetensors --test parts/test.tsv "${columns[@]}" --only-clean --cutoffs 20 --json r.json
    json r.json 'j["metrics"]["20"]["NDCG"] > 0'
    run 0 inspect $model.safetensors --json i.json
    json i.json 'j["model"] == "'$model'" and j["users"] > 100 and len(j["tensors"]) >= 2'
    run 0 recommend $model.safetensors --user "$(head -n 1 parts/train.tsv | cut -f 1)" --top 3 --json u.json
    json u.json 'len(j["users"][0]["items"]) == 3'
  done
  run 0 train gmf "${train[@]}" --params dim=4 --epochs 1 --out gmf4.safetensors
  run 0 train neumf "${train[@]}" --params dim=4,layers=2 --start gmf4.safetensors --start mlp.safetensors --epochs 1 --out n.safetensors
  run 1 train neumf "${train[@]}" --params dim=4,layers=3 --start gmf4.safetensors --start mlp.safetensors --epochs 1 --out o.safetensors
  [ ! -e o.safetensors ]
  no_leftovers
}

test_extra_feedback() {
  entree
  run 0 train gmf "${train[@]}" --params dim=4 --epochs 1 --warm-up 1 --fine-tune 1 --verified-share 0.5 --out a.safetensors --json t.json
  json t.json 'len(j["epochs"]) == 3 and j["epochs"][0]["step"] < j["epochs"][1]["step"] / 2 and j["select"] is None'
  run 0 train gmf "${train[@]}" --params dim=4,colliding=0.3,neighbours=10 --epochs 1 --verified-share 0.5 --out b.safetensors
  run 0 train gmf "${train[@]}" --params dim=4 --epochs 1 --out c.safetensors
  awk -F'\t' '$6 == 1' parts/train.tsv >clean.tsv
  evaluate=(--test parts/test.tsv "${columns[@]}")
  run 0 evaluate b.safetensors "${evaluate[@]}" --json b.json
  run 0 evaluate c.safetensors "${evaluate[@]}" --json c.json
  run 0 evaluate c.safetensors "${evaluate[@]}" --verified clean.tsv --colliding colliding=0.3,neighbours=10 --json d.json
  "$python" -c 'import json; b, c, d = (json.load(open(f))["metrics"] for f in ("b.json", "c.json", "d.json")); assert b != c and d != c'
  user=$(head -n 1 clean.tsv | cut -f 1)
  run 0 recommend c.safetensors --user "$user" "${columns[@]}" --json e.json
  run 0 recommend c.safetensors --user "$user" "${columns[@]}" --verified clean.tsv --colliding colliding=0.9 --json f.json
  ! cmp -s e.json f.json
  run 2 recommend c.safetensors --user "$user" "${columns[@]}" --colliding colliding=0.9
  has err "--colliding needs --verified FILE"
  run 2 evaluate c.safetensors "${evaluate[@]}" --verified clean.tsv --colliding coliding=0.9
  has err "coliding"
}

test_log_and_plot() {
  entree
  run 0 train gmf "${train[@]}" --valid parts/valid.tsv --params dim=4,loss=t-ce,num_gradual=10 --epochs 2 --eval-every 20 \
    --select NDCG@20 --out m.safetensors --json t.json --log curve.csv --plot 'curve of $(noise)'"'s.svg"
  json t.json 'j["select"] == "NDCG@20" and 0 < j["best"] < 1 and j["best_step"] > 0'
  has out "chosen by NDCG@20 on the validation data"
  [ "$(head -n 1 curve.csv)" = step,epoch,kind,loss,validation,learning_rate,samples_per_second,kept,dropped,dropped_clean,dropped_noisy,clean_loss,noisy_loss,clean,noisy ]
  "$python" - <<'PYTHON'
import csv, json
rows = list(csv.DictReader(open("curve.csv")))
epochs = [r for r in rows if r["kind"] == "epoch"]
looks = [r for r in rows if r["kind"] == "validation"]
j = json.load(open("t.json"))
assert len(epochs) == 2 and len(looks) > 2
assert [int(r["step"]) for r in looks[:-1]] == [20 * (i + 1) for i in range(len(looks) - 1)]
assert max(float(r["validation"]) for r in looks) - j["best"] < 1e-6
assert all(r["validation"] == "" for r in epochs)
for r in rows:
    assert float(r["clean_loss"]) > 0 and float(r["noisy_loss"]) > 0 and float(r["clean"]) > 0
    assert float(r["dropped"]) == float(r["dropped_clean"]) + float(r["dropped_noisy"])
for name in "kept", "dropped", "clean", "noisy":
    assert sum(float(r[name]) for r in epochs) == sum(float(r[name]) for r in looks), name
PYTHON
  if command -v gnuplot >/dev/null; then
    has 'curve of $(noise)'"'s.svg" "</svg>"
    has 'curve of $(noise)'"'s.svg" "validation NDCG@20 (right)"
    has 'curve of $(noise)'"'s.svg" "noise among the dropped (right)"
  fi
  no_leftovers
}

test_without_gnuplot() {
  small
  mkdir nothing
  PATH=$PWD/nothing run 0 "${train[@]}" --epochs 2 --plot curve.svg
  has err "curve.svg is not drawn: gnuplot is not installed"
  [ -s m.safetensors ] && [ ! -e curve.svg ]
  printf '#!/bin/sh\necho half a picture\necho no such terminal >&2\nexit 3\n' >nothing/gnuplot
  chmod +x nothing/gnuplot
  PATH=$PWD/nothing run 0 "${train[@]}" --epochs 2 --plot curve.svg
  has err "curve.svg is not drawn: gnuplot failed: no such terminal"
  [ ! -e curve.svg ]
  no_leftovers
}

test_resumed_training_ends_in_the_same_file() {
  small
  valid=(--valid valid.tsv --eval-every 3 --epochs 4)
  run 0 "${train[@]}" "${valid[@]}" --log whole.csv --json t.json
  cp m.safetensors whole.safetensors
  json t.json 'j["steps"] > 12'
  run 0 "${train[@]}" "${valid[@]}" --log parts.csv --checkpoint c.safetensors --checkpoint-every 5 --max-steps 11
  cp c.safetensors eleven.safetensors
  echo "13,9,validation,1,1" >>parts.csv # what a crash after the checkpoint would have left
  printf '14,' >>parts.csv
  run 0 "${train[@]}" "${valid[@]}" --log parts.csv --checkpoint c.safetensors --resume c.safetensors
  cmp m.safetensors whole.safetensors
  cut -d , -f 1-3,5 whole.csv >a
  cut -d , -f 1-3,5 parts.csv >b
  cmp a b
  run 0 "${train[@]}" "${valid[@]}" --resume c.safetensors
  has out "nothing was left to do"
  cmp m.safetensors whole.safetensors
  run 1 "${train[@]}" "${valid[@]}" --resume eleven.safetensors --seed 2
  has err "seed"
  run 1 "${train[@]}" "${valid[@]}" --resume eleven.safetensors --optimizer sgd
  has err "optimizer"
  run 1 "${train[@]}" "${valid[@]}" --resume whole.safetensors
  has err "whole.safetensors"
  echo "a list of something else" >notes
  run 1 "${train[@]}" "${valid[@]}" --resume eleven.safetensors --log notes
  has err "notes is not the log of a training"
  [ "$(cat notes)" = "a list of something else" ]
  no_leftovers
}

test_interrupted_training_says_where_the_checkpoint_is() {
  small
  local pid tries=0 got=0
  "$recsys" "${train[@]}" --epochs 100000000 --checkpoint c.safetensors --checkpoint-every 10 --threads 1 >out 2>err &
  pid=$!
  until [ -s c.safetensors ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || return 1
    kill -0 $pid
    sleep 0.05
  done
  kill -INT $pid
  wait $pid || got=$?
  [ "$got" -eq 1 ]
  has err "recsys: train: cancelled after step"
  has err "--resume c.safetensors goes on after step"
  [ ! -e m.safetensors ]
  no_leftovers
}

test_progress_lines() {
  small
  run 0 train gmf --train train.tsv --columns user,item,flag --params dim=4 --batch 4 --epochs 3000 --out m.safetensors
  has err "epoch "
  has err " samples/s"
}

test_options_that_need_others() {
  small
  run 2 "${train[@]}" --select NDCG@20
  has err "--select needs --valid FILE"
  run 2 "${train[@]}" --eval-every 5
  run 2 "${train[@]}" --patience 5
  run 2 "${train[@]}" --validation-negatives train
  run 2 "${train[@]}" --valid valid.tsv --select NDCG@20 --validation-negatives train
  has err "--validation-negatives belongs to --select loss"
  run 2 "${train[@]}" --valid valid.tsv --select NDGC@20
  has err 'did you mean "NDCG"?'
  run 2 "${train[@]}" --checkpoint-every 5
  has err "--checkpoint-every needs --checkpoint FILE"
  run 2 "${train[@]}" --warm-up 1
  has err "--warm-up needs --verified FILE or --verified-share S"
  run 2 "${train[@]}" --fine-tune 1
  run 2 "${train[@]}" --verified valid.tsv
  has err "none of these is given"
  run 2 "${train[@]}" --verified valid.tsv --verified-share 0.5 --warm-up 1
  has err "--verified and --verified-share exclude each other"
  run 2 "${train[@]}" --verified-share 1.5 --warm-up 1
  run 2 "${train[@]}" --params colliding=0.5
  has err "the parameter colliding needs --verified FILE or --verified-share S"
  run 1 train gmf --train train.tsv --columns user,item,_ --verified-share 0.5 --warm-up 1 --out m.safetensors
  has err "does not say which events are clean"
  run 2 "${train[@]}" --plot curve.jpeg
  has err "must end in .svg, .png or .pdf"
  run 2 "${train[@]}" --log -
  run 2 "${train[@]}" --log m.safetensors
  has err "would both be written to"
  run 2 "${train[@]}" --log valid.tsv --valid valid.tsv
  has err "--log would overwrite valid.tsv"
  run 1 "${train[@]}" --resume nowhere
  has err "--resume: nowhere: No such file or directory"
  [ ! -e m.safetensors ]
}

test_values_of_training_options() {
  small
  for optimizer in adam:lr=0 adam:lr=nan adam:lr=1e30 adam:l=1 adem sgd:nesterov=true,momentum=; do
    run 2 "${train[@]}" --optimizer $optimizer
    has err "recsys: train: --optimizer: "
  done
  for params in drop_rate=1 drop_rate=-0.1 alpha=-1 loss=tce; do
    run 2 "${train[@]}" --params $params
    has err "${params%%=*}"
  done
  run 2 "${train[@]}" --popularity -1
  run 2 "${train[@]}" --negatives -1
  run 2 "${train[@]}" --epochs 0
  run 1 "${train[@]}" --negatives 100
  has err "to draw negatives from, and 100 are asked for"
  run 1 "${train[@]}" --valid nowhere.tsv
  printf 'u1\tunheard\t1\n' >other.tsv
  run 1 "${train[@]}" --valid other.tsv
  has err "validation data has no positives"
  [ ! -e m.safetensors ]
}

test_models_with_a_closed_form_refuse_them() {
  two_tastes
  run 2 train ease --train events.tsv --columns user,item --out m.safetensors --epochs 3
  has err "--epochs is for models that are trained by steps, and ease is not"
  run 0 train ease --train events.tsv --columns user,item --out m.safetensors --json t.json
  json t.json '"epochs" not in j'
}

test_a_universe_holds_for_all_files() {
  printf '0\t1\n1\t2\n2\t0\n3\t1\n' >train.tsv
  printf '4\t3\n5\t2\n' >valid.tsv
  train=(train gmf --train train.tsv --valid valid.tsv --columns user,item --params dim=2 --epochs 2 --quiet --out m.safetensors)
  run 0 "${train[@]}" --users 6 --items 4 --json t.json
  json t.json 'j["users"] == 6 and j["items"] == 4 and j["best"] > 0'
  run 1 "${train[@]}" --users 5 --items 4
  has err "valid.tsv:2"
}

test_optimizers_describe_themselves() {
  run 0 optimizers --json o.json
  has out adagrad
  json o.json '{"adam", "adamw", "sgd", "adagrad"} <= {o["name"] for o in j["optimizers"]}'
  run 0 params sgd --json p.json
  json p.json 'j["optimizer"] == "sgd" and any(p["name"] == "momentum" for p in j["params"])'
  run 2 params adem
  has err "nor is it an optimizer"
}

run_tests
