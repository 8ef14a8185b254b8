#!/usr/bin/env bash
# devices.sh - the command line on another device: the stand-in for a GPU, in the folder that RECSYS_BACKEND_PATH names.
. "$(dirname "$0")/support.sh"

tastes() {
  two_tastes
  awk 'BEGIN { FS = OFS = "\t" } { print $1, $2 > (NR % 4 == 0 ? "test.tsv" : "train.tsv") }' events.tsv
  train=(--train train.tsv --columns user,item --quiet)
}

test_devices_are_listed() {
  run 0 devices
  has out "cuda:0"
  has out "host stand-in"
  lacks err "not available"
  run 0 devices --json d.json
  json d.json '[d["name"] for d in j["devices"]] == ["cpu", "cuda:0"] and j["devices"][1]["memory_bytes"] > 0'
  STANDIN_DEVICES=0 run 0 devices
  lacks out "cuda"
  has err "no CUDA device"
}

test_models_pass_between_devices() {
  tastes
  for model in ease gf-cf gmf lightgcn; do
    steps=()
    [ $model = gmf ] || [ $model = lightgcn ] && steps=(--epochs 2 --batch 64)
    run 0 train $model --device cuda "${train[@]}" ${steps[@]+"${steps[@]}"} --out $model.safetensors
    for device in cpu cuda auto; do
      run 0 recommend $model.safetensors --device $device --all --top 5 --out lists.$device --quiet
      run 0 evaluate $model.safetensors --device $device --test test.tsv --columns user,item --cutoffs 5 --json $device.json --quiet
    done
    cmp lists.cuda lists.auto
    cmp lists.cuda lists.cpu
  done
}

test_same_bits_from_run_to_run() {
  tastes
  for name in a b; do
    run 0 train gmf --device cuda:0 "${train[@]}" --epochs 2 --batch 64 --seed 5 --out $name.safetensors
  done
  cmp a.safetensors b.safetensors
}

test_refusals() {
  tastes
  run 2 train ease --device cuda:7 "${train[@]}" --out m.safetensors
  has err "there are fewer; devices: cpu, cuda:0"
  STANDIN_DRIVER=0 run 2 train ease --device cuda "${train[@]}" --out m.safetensors
  has err "no NVIDIA driver"
  STANDIN_MEMORY=2000 run 1 train ease --device cuda "${train[@]}" --out m.safetensors
  has err "bytes are free"
  STANDIN_LOST_AT=3 run 1 train ease --device cuda "${train[@]}" --out m.safetensors
  has err "cudaErrorLaunchFailure"
  [ ! -e m.safetensors ]
  no_leftovers
}

run_tests
