#!/usr/bin/env bash
# any_shape.sh [--seconds N] [--seed S]: random configurations, each trained on three random clusters: model, options,
# features, strategy, optimizer, batch and leaves; servers, workers, threads, transport. Tables, final vectors, losses and
# metrics have the same bits, or all three end with the same error.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

seconds=15 seed=${PLATEAU_TEST_SEED:-1}
while (($#)); do
  case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    *) fail "usage: any_shape.sh [--seconds N] [--seed S]" ;;
  esac
  shift 2
done
RANDOM=$seed
# one_of WORDS: sets $picked. (A subshell would draw from a generator of its own.)
one_of() { local words=("$@"); picked=${words[RANDOM % ${#words[@]}]}; }
# choose NAME WORDS: sets the variable.
choose() { local name=$1; shift; one_of "$@"; printf -v "$name" '%s' "$picked"; }

draw_model() {
  local i fanout=''
  choose model bpr vbpr ultragcn lightgcn freedom bm3 cm3
  choose layers 1 2 3
  for ((i = 0; i < layers; i++)); do fanout+="${fanout:+, }$((1 + RANDOM % 6))"; done
  choose fanout exact "[$fanout]"
  choose rate 0 0.5 0.9
  choose yes true false
  choose knn 1 3 20
  case $model in
    bpr | vbpr) options="reg: 0.01" ;;
    ultragcn) options="feat_dim: $knn, negatives: $((1 + RANDOM % 30))" ;;
    lightgcn) options="layers: $layers, fanout: $fanout" ;;
    freedom) options="layers: $layers, fanout: $fanout, edge_dropout: $rate, train_features: $yes, knn: $knn" ;;
    bm3) options="layers: $layers, fanout: $fanout, dropout: $rate, train_features: $yes" ;;
    cm3)
      choose mix beta fixed
      choose fusion nested de_casteljau
      options="layers: $layers, fanout: $fanout, mix: $mix, fusion: $fusion, knn: $knn, item_layers: $((1 + RANDOM % 2))"
      options+=", detach_similarity: $yes, gamma: $rate"
      ;;
  esac
}

draw_config() {
  local features strategy optimizer dim batch micro
  draw_model
  choose features text_feat.npy "image_feat.npy, text_feat.npy" "text_feat.npy, image_feat.npy, audio_feat.npy"
  [[ $model != bpr && $model != lightgcn ]] || features=
  choose strategy plain bsam bsam+ mirror
  choose optimizer adam adamw lazy_adam sgd momentum adagrad rowwise_adagrad ftrl
  choose dim 1 5 32
  choose batch 30 100 256 1000
  choose micro 1 7 64 256
  ((micro <= batch && micro * 60 >= batch)) || micro=$batch
  cat >"$work/config.yaml" <<YAML
run: {seed: $RANDOM}
data: {path: $work/data, features: [$features]}
model: {name: $model, dim: $dim, $options}
strategy: {name: $strategy}
optimizer: {name: $optimizer, lr: 0.01}
train: {epochs: 2, batch_size: $batch, micro_batch: $micro, log_every: 1}
eval: {topk: [3, 20]}
YAML
}

# outcome: what a run of the configuration comes to on a random cluster, in $result; the cluster in $shape.
outcome() {
  local servers workers threads transport code=0
  choose servers 1 2 3
  choose workers 1 2 3
  choose threads 1 2
  choose transport auto ipc tcp
  shape="$servers servers, $workers workers of $threads threads, $transport"
  rm -rf "$work/run" "$work/out"
  timeout 100 "$plateau" train "$work/config.yaml" --set run.dir="$work/run" --servers "$servers" --workers "$workers" \
    --set cluster.threads="$threads" --set cluster.transport="$transport" >"$work/out.txt" 2>&1 </dev/null || code=$?
  if ((code != 0)); then
    result="exit $code: $(grep error "$work/out.txt" || true)"
    return
  fi
  quietly "$plateau" export "$work/run" --last -o "$work/out"
  quietly "$plateau" export "$work/run" --best --vectors -o "$work/out" --servers "$workers"
  result=$({
    cat "$work/out"/*.npy
    losses_of "$work/run"
    grep -E '"event": "(eval|final)"' "$work/run/metrics.jsonl" | sed 's/"seconds": [0-9.e-]*//g'
  } | sha256sum)
}

quietly "$plateau" data synth "$work/data" --users 120 --items 90 --interactions 1500 \
  --modalities text:12,image:8,audio:5 --seed 3
tried=0 ended=0
for ((end = SECONDS + seconds; SECONDS < end || tried < 4; tried++)); do # however slow the machine
  draw_config
  outcome
  first=$result on=$shape
  [[ $first != exit* ]] || { ended=$((ended + 1)); say "$model, $optimizer: $first"; }
  for again in 2 3; do
    outcome
    [[ $result == "$first" ]] && continue
    complain "run $again: $shape: $result; $on: $first"
    cat "$work/config.yaml" "$work/out.txt" >&2
  done
done
say "$tried configurations on 3 clusters each, seed $seed; $ended of them end with an error"
((ended * 4 < tried)) || complain "too few ran to their end"
conclude
