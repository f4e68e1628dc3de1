#!/usr/bin/env bash
# One cell of docs/results.md: a model on a data set, plain, bsam, bsam+ and mirror at equal trials, by `plateau tune`.
# Prints the configuration; with PLATEAU set, searches too. Whatever interrupts it, the same command goes on.
#
#   usage: tests/bench/results.sh MODEL DATA FEATURES [OUT]       e.g. PLATEAU=build/release/plateau \
#          tests/bench/results.sh vbpr data/lfm2k text_feat.npy,audio_feat.npy results/lfm2k-vbpr
#   EPOCHS (60), ETA (4), TRIALS (8), BATCH (1024), JOBS (1)
set -euo pipefail
model=$1 data=$2 features=$3 out=${4:-}

case $model in # the knob that its authors searched, in a range around their values
  cm3) knob='model.gamma: {from: 0.3, to: 0.9}' ;;
  ultragcn) knob='model.wd_embedding: {from: 1.0e-6, to: 1.0e-3, log: true}' ;;
  slmrec) knob='model.ssl_temp: {from: 0.1, to: 1.0, log: true}' ;;
  mgcn) knob='model.cl_weight: {from: 1.0e-3, to: 0.1, log: true}' ;;
  lgmrec) knob='model.alpha: {from: 0.1, to: 0.9}' ;;
  bpr | vbpr) knob='model.reg: {from: 1.0e-4, to: 1.0, log: true}' ;;
  bm3) knob='model.reg: {from: 1.0e-3, to: 1.0, log: true}' ;;
  *) knob='model.reg: {from: 1.0e-5, to: 0.1, log: true}' ;;
esac
[[ -z $features ]] || features="features: [${features//,/, }], scale: standard"
configuration=$(cat <<YAML
data: {path: $data, $features}
model: {name: $model, dim: 64}
optimizer: {name: adam}
train: {epochs: ${EPOCHS:-60}, batch_size: ${BATCH:-1024}}
eval: {metric: recall@20, every: 2, patience: 10}
tune:
  search: halving
  trials: ${TRIALS:-8}
  eta: ${ETA:-4}
  seeds: [1, 2, 3]
  space:
    optimizer.lr: {from: 0.0005, to: 0.01, log: true}
    $knob
  strategies:
    - {strategy.name: plain}
    - {strategy.name: bsam, strategy.rho: {from: 0.02, to: 1.0, log: true}}
    - {strategy.name: bsam+, strategy.rho: {from: 0.02, to: 1.0, log: true}}
    - {strategy.name: mirror, strategy.alpha2: {from: 0.05, to: 0.5, log: true}}
YAML
)
echo "$configuration"
if [[ -n ${PLATEAU:-} && -n $out ]]; then
  mkdir -p "$out"
  echo "$configuration" >"$out/search.yaml"
  "$PLATEAU" tune "$out/search.yaml" -o "$out/tune" --jobs "${JOBS:-1}" --format json >"$out/results.json"
fi
