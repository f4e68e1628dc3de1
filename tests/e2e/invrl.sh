#!/usr/bin/env bash
# invrl.sh same|resume|killed|refused|planted [invrl|m3invrl]: environments, masks and what stands around them.
#   same      one result on several clusters; a batch of an environment holds its pairs only
#   resume    stopped after every step, or every third, in all kinds of stages: the same bits
#   killed    killed with SIGKILL at random moments and started again: the same bits
#   refused   what cannot be, each in one line
#   planted   data with environments and a cause: the mask finds it, and under shift the masked model is ahead
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml model=${2:-invrl}
make_data "$data"
# What the model has of its own: options, stages before the loop, stages behind it.
if [[ $model == invrl ]]; then
  options='' pace=1 before='  - {stage: pretrain, train: {epochs: 2}}' behind='  - {stage: final, train: {epochs: 2}}'
else
  options=', width: 4' pace=3
  before='  - {stage: encoders, strategy: {name: mirror, mode: sequential}, optimizer: {clip_norm: 5}, train: {epochs: 1}}'
  behind='  - {stage: models, train: {epochs: 1}}
  - {stage: merge, train: {epochs: 1}}
  - {stage: fusion, fusion: learned, train: {epochs: 1}}'
fi
cat >"$config" <<YAML
run: {seed: 7}
data: {path: $data, features: [text_feat.npy, image_feat.npy]}
model: {name: $model, dim: 6, feat_dim: 5, negatives: 3, wd_embedding: 0.001$options}
strategy: {name: bsam+, rho: 0.1}
optimizer: {name: adam, lr: 0.02}
train: {batch_size: 1024, micro_batch: 256, log_every: 1}
eval: {topk: [5, 10, 20]}
procedure:
$before
  - repeat: 2
    stages:
      - stage: environments
        environments: 3
        rounds: 2
        stop_share: 0
        fresh: round
        strategy: {name: mirror, mode: sequential}
        optimizer: {tables: {env_user: {name: adagrad}, env_item: {name: adagrad}}}
        train: {epochs: 1}
      - {stage: mask, growth: 1.5, sigma: 0.1, optimizer: {tables: {mask_mu: {lr: 0.05}}}, train: {epochs: 2}}
$behind
YAML

clusters=(1:1:auto 3:4:auto 2:2:ipc 1:3:auto 3:2:tcp)
cluster() {
  local servers workers transport
  IFS=: read -r servers workers transport <<<"${clusters[$1 % ${#clusters[@]}]}"
  echo --servers "$servers" --workers "$workers" --set "cluster.transport=$transport" --set "cluster.threads=1"
}
# Losses of all steps, with the training that each is of, the last of each place.
losses() {
  sed -n 's/.*"event": "step", \(.*\), "loss": \([^,}]*\).*/\1 | \2/p' "$1/metrics.jsonl" |
    awk -F' \\| ' '{ last[$1] = $2 } END { for (place in last) print place, last[place] }' | sort
}
make_reference() {
  train_run "$work/reference" --set checkpoint.keep=1000 "$@"
  reference=$(tables_hash "$work/reference")
  losses "$work/reference" >"$work/losses.txt"
  last=$(basename "$(readlink -f "$work/reference/checkpoints/last")")
  say "reference: $reference, up to clock $last"
}
same() { # NAME RUN
  local hash
  hash=$(tables_hash "$2")
  [[ $hash == "$reference" ]] || complain "$1: tables $hash, expected $reference"
  losses "$2" | cmp -s - "$work/losses.txt" || complain "$1: other losses"
  rm -rf "$2"
}
refused() { # CODE TEXT OPTIONS...: one line that has the text
  local code=0 want=$1 text=$2
  shift 2
  "$plateau" train "$config" --set "run.dir=$work/refused" "$@" >"$work/told.txt" 2>&1 || code=$?
  ((code == want)) || complain "exit $code, not $want: $*"
  grep -qF -- "$text" "$work/told.txt" || { complain "not told of: $text"; cat "$work/told.txt" >&2; }
  (($(grep -c 'plateau: error' "$work/told.txt") == 1)) || complain "more than one line: $(cat "$work/told.txt")"
  rm -rf "$work/refused"
}

# shellcheck disable=SC2046 # cluster() gives several words
case ${1:-same} in
  same)
    make_reference $(cluster 0)
    for ((k = 1; k < ${#clusters[@]}; k++)); do
      train_run "$work/run" $(cluster "$k")
      same "cluster $k" "$work/run"
    done
    quietly "$plateau" evaluate "$work/reference"
    for event in labels mask; do
      (($(grep -c "\"event\": \"$event\"" "$work/reference/metrics.jsonl") >= 2)) || complain "no events of $event"
    done
    # Labels are those of all pairs; a mask lies in [0, 1].
    pairs=$(grep '"labels"' "$work/reference/metrics.jsonl" | sed 's/.*"sizes": \[\([^]]*\)\].*/\1/' | tr ',' '+' | head -n 1)
    total=$("$plateau" data check "$data" --json | grep -o '"training": *[0-9]*' | head -n 1 | tr -dc '0-9')
    (((pairs) == total)) || complain "labels of $((pairs)) pairs, not $total"
    # Two rounds of the loop are two different ones.
    (($(grep -c '"stage": "mask", "outer": 1' "$work/losses.txt") > 0)) || complain "no second round"
    # A model of stages brings its procedure.
    sed '/^procedure/,$d' "$config" >"$work/short.yaml"
    quietly "$plateau" train "$work/short.yaml" --set "run.dir=$work/run" --set procedure.0.train.epochs=1 \
      --set train.max_steps=1 --set eval.final=none
    grep -q 'rounds: 10' "$work/run/config.yaml" || complain "config.yaml does not have the procedure of the model"
    ;;
  resume)
    make_reference $(cluster 0)
    if [[ $model == m3invrl ]]; then # a last stage without steps ends at the clock of the epoch before it, which stays
      for again in '' --resume; do train_run "$work/over" --set procedure.4.fusion=validation $again; done
      ! grep -q '"undone"' "$work/over/metrics.jsonl" || complain "a run that was over takes back what it told"
    fi
    for ((k = 1; k < last; k += pace)); do
      train_run "$work/every" --resume --set "train.max_steps=$k" $(cluster "$k")
    done
    train_run "$work/every" --resume
    same "stopped again and again" "$work/every"
    train_run "$work/pieces" --until environments:1
    grep -q '"stage": "mask"' "$work/pieces/metrics.jsonl" && complain "went on behind environments:1"
    train_run "$work/pieces" --resume --until mask $(cluster 1)
    train_run "$work/pieces" --resume --until environments
    train_run "$work/pieces" --resume --set checkpoint.every_epochs=1 # one of the same clock as that of a stage's end
    same "in pieces" "$work/pieces"
    ;;
  killed)
    begin=$(date +%s%N)
    make_reference $(cluster 3)
    took=$((($(date +%s%N) - begin) / 1000000))
    kill_at_random 10 "$took" "$work/run" "$plateau" train "$config" --quiet --resume --set checkpoint.every_s=0.000001 \
      $(cluster 3)
    train_run "$work/run" --resume
    same "killed" "$work/run"
    ;;
  refused)
    if [[ $model == m3invrl ]]; then
      refused 64 'is for two modalities or more, data.features names 1' --set 'data.features=[text_feat.npy]'
      refused 64 'stage models needs table enc_c_w_text' --set 'procedure=[{stage: models}]'
      refused 64 'stage fusion needs table user_text' --set 'procedure=[{stage: encoders}, {stage: fusion}]'
      refused 64 'stage merge needs table proj_w_text' --set 'procedure=[{stage: encoders}, {stage: merge}]'
      refused 64 'model.width is 5: with mi vclub it is even' --set model.width=5
      refused 64 'model m3invrl has no stage of the kind final' --set 'procedure=[{stage: final}]'
      refused 64 'is not one of uniform, learned, validation' --set procedure.4.fusion=best
      conclude
      exit
    fi
    refused 64 'stage mask needs table user, but no stage before hands it on' --set 'procedure=[{stage: mask}]'
    refused 64 'stage final needs table mask, but no stage before hands it on' --set 'procedure=[{stage: final}]'
    refused 64 'needs table environment' --set 'procedure=[{stage: pretrain}, {stage: mask}]'
    refused 64 'model invrl has no stage of the kind train' --set 'procedure=[{stage: train}]'
    refused 64 'vbpr is none' --set model.name=vbpr
    refused 64 'is not one of random, keep, given' --set procedure.1.stages.0.labels=guessed
    refused 64 'stage' --set 'procedure=[{stage: masks}]'
    refused 64 'there is no mask:3; stages are pretrain, environments, mask, final' --until mask:3
    refused 65 'but there is no column environment' --set procedure.1.stages.0.labels=given
    refused 64 'needs cluster.consistency bsp, not ssp' --set cluster.consistency=ssp --set strategy.mode=combined \
      --set procedure.1.stages.0.strategy.mode=combined --workers 2
    ;;
  planted)
    mean_of() { grep '"mask"' "$1/metrics.jsonl" | sed -n "s/.*\"$2\": *\([0-9.]*\).*/\1/p"; }
    recall_of() { # of the shift
      grep '"final"' "$1/metrics.jsonl" | grep -o '"shift": *{[^}]*' | sed -n 's/.*"recall@20": *\([0-9.]*\).*/\1/p'
    }
    masks=0 ahead=0
    for seed in 1 2 3 4 5; do
      quietly "$plateau" data synth "$work/planted$seed" --kind planted --seed "$seed"
      cat >"$work/masked.yaml" <<YAML
run: {seed: $seed}
data: {path: $work/planted$seed, features: [causal_feat.npy, spurious_feat.npy]}
model: {name: invrl, dim: 8, feat_dim: 16, negatives: 10}
optimizer: {name: adam, lr: 0.01}
train: {batch_size: 512}
eval: {every: 0, topk: [20]}
procedure:
  - {stage: pretrain, train: {epochs: 20}}
  - {stage: environments, labels: given}
  - {stage: mask, alpha: 10, train: {epochs: 40, batch_size: 2048}}
  - {stage: final, model: {wd_item_factor: 2, wd_projection: 0.1}, train: {epochs: 20}}
YAML
      sed '/^procedure/,$d; s/invrl/ultragcn/; s/negatives: 10/negatives: 10, wd_item_factor: 2, wd_projection: 0.1/' \
        "$work/masked.yaml" >"$work/plain.yaml"
      quietly "$plateau" train "$work/masked.yaml" --set "run.dir=$work/masked"
      quietly "$plateau" train "$work/plain.yaml" --set "run.dir=$work/plain" --set train.epochs=20
      causal=$(mean_of "$work/masked" causal) spurious=$(mean_of "$work/masked" spurious)
      masked=$(recall_of "$work/masked") plain=$(recall_of "$work/plain")
      say "seed $seed: mask $causal on the cause, $spurious beside it; recall under shift $masked, $plain without mask"
      awk -v a="$causal" -v b="$spurious" 'BEGIN { exit !(a > b) }' && masks=$((masks + 1))
      awk -v a="$masked" -v b="$plain" 'BEGIN { exit !(a > b) }' && ahead=$((ahead + 1))
      rm -rf "$work/masked" "$work/plain"
    done
    ((masks >= 4)) || complain "the mask found the cause for $masks of 5 seeds"
    ((ahead == 5)) || complain "the masked model was ahead for $ahead of 5 seeds"
    for inter in "$work/planted5"/*.inter; do
      awk -F'\t' -v OFS='\t' 'NR > 1 { $4++ } { print }' "$inter" >"$work/later.inter"
      mv "$work/later.inter" "$inter"
    done
    refuses 65 'environment 0 of 0 to [0-9]+ has no training pairs' "$plateau" train "$work/masked.yaml" --set "run.dir=$work/run"
    ;;
  *) fail "there is no $1" ;;
esac
conclude
