#!/usr/bin/env bash
# bits.sh [PLATEAU]: a table of what this binary computes: for each model x strategy, and for options that go other ways
# through the code, one line "NAME SHA256" over tables, final vectors, losses and metrics. Not a test: the bits depend on the
# processor and the libraries. Two tables made on one machine, before and after a change of structure, must be the same:
#   tests/e2e/bits.sh build/release/plateau >after.txt && diff before.txt after.txt
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
plateau=${1:-$plateau}

both='image_feat.npy, text_feat.npy'
declare -A options=([bpr]='reg: 0.01' [vbpr]='reg: 0.01' [lightgcn]='layers: 2' [ultragcn]='feat_dim: 6, negatives: 9'
  [freedom]='layers: 2, edge_dropout: 0.5, knn: 4' [bm3]='layers: 1, dropout: 0.3' [cm3]='layers: 3, knn: 4')

# one NAME MODEL FEATURES OPTIONS STRATEGY OPTIMIZER BATCHES CLUSTER...
one() {
  local name=$1 model=$2 features=$3 strategy=$5 optimizer=$6 batches=$7
  rm -rf "$work/run" "$work/out"
  cat >"$work/config.yaml" <<YAML
run: {seed: 11}
data: {path: $work/data, features: [$features]}
model: {name: $model, dim: 6, $4}
strategy: {name: $strategy}
optimizer: {name: $optimizer, lr: 0.01}
train: {epochs: 2, $batches, log_every: 1}
eval: {topk: [3, 20]}
YAML
  shift 7
  quietly "$plateau" train "$work/config.yaml" --set run.dir="$work/run" "$@"
  quietly "$plateau" export "$work/run" --last -o "$work/out"
  quietly "$plateau" export "$work/run" --best --vectors -o "$work/out" --servers 2
  printf '%s %s\n' "$name" "$({
    cat "$work/out"/*.npy
    losses_of "$work/run"
    grep -E '"event": *"(eval|final)"' "$work/run/metrics.jsonl" | grep -oE '"(recall|ndcg|precision|map)@[0-9]+": *[-0-9.e]+' | tr -d ' '
  } | sha256sum | cut -c 1-64)"
}

quietly "$plateau" data synth "$work/data" --users 120 --items 90 --interactions 1500 \
  --modalities text:12,image:8,audio:5 --seed 3

clusters=("--servers 1 --workers 1" "--servers 2 --workers 3" "--servers 3 --workers 2 --set cluster.transport=tcp")
turn=0
for model in bpr vbpr ultragcn lightgcn freedom bm3 cm3; do
  features=$both
  [[ $model != bpr && $model != lightgcn ]] || features=
  for strategy in plain bsam bsam+ mirror; do
    read -ra cluster <<<"${clusters[turn++ % 3]}"
    one "$model-$strategy" $model "$features" "${options[$model]}" $strategy adam \
      'batch_size: 256, micro_batch: 64' "${cluster[@]}"
  done
done
leaves='batch_size: 100, micro_batch: 7'
for optimizer in adamw lazy_adam sgd momentum adagrad rowwise_adagrad ftrl; do
  one "vbpr-$optimizer" vbpr "$both" 'reg: 0.01' bsam $optimizer "$leaves" --servers 2 --workers 2
done
one lightgcn-fanout lightgcn '' 'layers: 2, fanout: [4, 3]' bsam+ adam "$leaves" --servers 2 --workers 3
one freedom-fanout freedom "$both" 'layers: 3, fanout: [5, 3, 2], edge_dropout: 0.9, knn: 3, train_features: true' mirror sgd \
  "$leaves" --servers 3 --workers 2
one bm3-features bm3 'text_feat.npy, image_feat.npy, audio_feat.npy' 'layers: 2, dropout: 0, train_features: true' bsam adam \
  "$leaves" --servers 1 --workers 3
one cm3-nested cm3 'text_feat.npy, image_feat.npy, audio_feat.npy' \
  'layers: 2, fanout: [4, 4], mix: beta, fusion: nested, knn: 5, item_layers: 2, detach_similarity: true' bsam adamw \
  "$leaves" --servers 2 --workers 2
one cm3-fixed cm3 text_feat.npy 'layers: 1, mix: fixed, knn: 1' plain adam 'batch_size: 1000' --servers 1 --workers 1
one lightgcn-four lightgcn '' 'layers: 4' mirror adam 'batch_size: 30' --servers 1 --workers 1
