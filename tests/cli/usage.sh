#!/usr/bin/env bash
# usage.sh - the command line itself: help, hints, and what is refused with exit status 2.
. "$(dirname "$0")/support.sh"

commands="models optimizers devices params stats split train tune evaluate recommend similar inspect export"

test_no_command_prints_usage() {
  run 2
  has err "usage: recsys COMMAND"
}

test_help_lists_every_command() {
  run 0 help
  for command in $commands; do has out "$command"; done
  run 0 --help
}

test_help_of_every_command() {
  for command in $commands; do
    run 0 help "$command"
    has out "usage: recsys $command"
    cp out first
    run 0 "$command" --help
    cmp first out
  done
}

test_every_option_is_documented() {
  for command in $commands; do
    "$recsys" help "$command" | grep -oE '^  --[a-z-]+' | while read -r option; do
      has "$here/../../docs/command-line.md" "\`$option"
    done
  done
}

test_version() {
  run 0 --version
  has out "recsys 0."
  run 0 devices
  has out "cpu"
  has out "OpenBLAS core"
  run 0 devices --json devices.json
  has devices.json '"name": "cpu"'
}

test_unknown_command_gets_a_hint() {
  run 2 recomend model
  has err 'did you mean "recommend"?'
  run 2 frobnicate
  has err 'no command "frobnicate"'
}

test_unknown_option_gets_a_hint() {
  run 2 evaluate m --test t --cutofs 5
  has err "recsys: evaluate: no option --cutofs; did you mean --cutoffs?"
  run 2 evaluate m -k 5
  has err "begin with two hyphens"
}

test_option_of_another_command() {
  run 2 train ease --cutoffs 5
  has err "--cutoffs does not belong to this command"
}

test_values_are_checked() {
  run 2 evaluate m --test t --cutoffs 0
  has err '--cutoffs: "0" is not'
  run 2 evaluate m --test t --cutoffs 5,,7
  run 2 evaluate m --test t --cutoffs 5x
  run 2 evaluate m --test t --cold sometimes
  has err '"sometimes" is none of skip|model|miss'
  run 2 train ease --train f --threads 0 --out m
  run 2 train ease --train f --threads 99999999999 --out m
  run 2 train ease --train f --memory lots --out m
  has err "800M"
  run 2 train ease --train f --memory 0 --out m
  run 2 train ease --train f --seed -1 --out m
  run 2 stats f --min-value nan
  run 2 stats f --k-core 0
  run 2 stats f --k-core 1,2,3
  run 2 train ease --train
  has err "--train needs a value: FILE"
  run 2 train ease --quiet=yes --train f --out m
  has err "--quiet takes no value"
}

test_missing_parts() {
  run 2 train --train f --out m
  has err "NAME is missing"
  run 2 train ease --out m
  has err "--train FILE is missing"
  run 2 train ease --train f
  has err "--out FILE is missing"
  run 2 evaluate m
  run 2 recommend m
  run 2 recommend m --user a --all --out f
  run 2 recommend m --all
  run 2 similar m
  run 2 export m --out f
  run 2 export m --tensor t
  run 2 split f
  run 2 split f --method by-time --out d
  run 2 train ease too many --train f --out m
  has err 'one operand too many: "too"'
}

test_unknown_model_and_parameter() {
  run 2 train eas --train f --out m
  has err "ease"
  run 2 params top-populr
  has err "top-popular"
  run 2 train ease --params l3=1 --train f --out m
  has err "l2"
  run 2 train ease --params l2=0 --train f --out m
  run 2 train ease --params l2=nan --train f --out m
  run 2 train ease --params l2 --train f --out m
}

test_options_that_exclude_each_other() {
  run 2 recommend m --user 1 --all --out f
  has err "--user and --all exclude each other"
  run 2 export m --tensor t --ids users --out f
  has err "--tensor and --ids exclude each other"
}

test_options_of_another_split_method() {
  run 2 split f --method random --test-k 3 --out d
  has err "--test-k belongs to --method last-per-user"
  run 2 split f --method last-per-user --test-share 0.5 --out d
  run 2 split f --method random --fold-in-share 0.5 --out d
  run 2 split f --method random --test-time 5 --out d
  run 2 split f --test-share 2 --out d
  run 2 split f --test-share 0 --out d
  run 2 split f --test-share 0.6 --valid-share 0.4 --out d
  run 2 split f --valid-share 0.9 --out d
  run 2 split f --out-test-history h
  has err "this split has no test_history data"
}

test_counts_and_names() {
  run 2 stats f --items 0
  has err "a count must be 1 or more"
  run 2 stats f --users -1
  has err "a count must be 1 or more"
  run 2 split f --out ""
  run 2 stats f --json ""
  has err "must not be empty"
  run 2 recommend m --all --out list.tsv.gz
  has err "would not be compressed"
  run 2 train ease --train f --out -
}

test_outputs_that_meet() {
  trained
  cp model.safetensors kept
  ln -s model.safetensors link
  run 2 train ease --train events.tsv --out ./events.tsv
  has err "--out would overwrite events.tsv, which is read"
  run 2 evaluate model.safetensors --test events.tsv --json link
  run 2 train ease --train events.tsv --out new --json ./new
  has err "--out and --json would both be written to ./new"
  run 2 evaluate model.safetensors --test events.tsv --json - --csv -
  run 2 evaluate model.safetensors --test events.tsv --json x --csv x
  run 2 recommend model.safetensors --all --items items.tsv --out items.tsv
  run 2 split events.tsv --out-train a --out-test a
  mkdir parts
  cp events.tsv parts/train.tsv
  run 2 split parts/train.tsv --out parts
  cmp parts/train.tsv events.tsv
  cmp model.safetensors kept
  run 0 inspect model.safetensors --json /dev/null
}

test_models_and_params() {
  run 0 models --json models.json
  has out ease
  has out top-popular
  json models.json 'any(m["name"] == "ease" and m["summary"] for m in j["models"])'
  json models.json '{m["name"]: m["scores"] for m in j["models"]}["gmf"] == ["user"]'
  json models.json '{m["name"]: m["scores"] for m in j["models"]}["ease"] == ["user", "history"]'
  json models.json '{m["name"]: m["scores"] for m in j["models"]}["mlp-classifier"] == ["features"]'
  run 0 params ease --json params.json
  has out l2
  json params.json 'any(p["name"] == "l2" and p["type"] == "number" for p in j["params"])'
  run 0 models --json -
  mv out all.json
  json all.json 'len(j["models"]) >= 2'
}

test_equals_sign_and_end_of_options() {
  two_tastes
  mv events.tsv ./-events.tsv
  run 0 stats --columns=user,item -- -events.tsv
  has out 20
}

run_tests
