#!/usr/bin/env bash
# One cell of docs/results.md: a model on a data set, plain, bsam, bsam+ and mirror at equal trials, by `plateau tune`.
# Prints the configuration; with PLATEAU set, searches too. Whatever interrupts it, the same command goes on.
#
#   usage: tests/bench/results.sh MODEL DATA FEATURES [OUT]       e.g. PLATEAU=build/release/plateau \
#          tests/bench/results.sh vbpr data/lfm2k text_feat.npy,audio_feat.npy results/lfm2k-vbpr
#   EPOCHS (1000, early stopping ends them), BATCH (2048), RATES, STRATEGIES ("plain bsam bsam+ mirror"), JOBS (1)
#
# A grid, not halving: short first rounds prefer large learning rates (docs/tune.md).
set -euo pipefail
model=$1 data=$2 features=$3 out=${4:-}

case $model in # values of the knob that its authors searched
  cm3) knob='model.gamma: [0.5, 0.9]' ;;
  ultragcn) knob='model.wd_embedding: [1.0e-5, 1.0e-4]' ;;
  slmrec) knob='model.ssl_temp: [0.2, 0.5]' ;;
  mgcn) knob='model.cl_weight: [0.01, 0.1]' ;;
  lgmrec) knob='model.alpha: [0.3, 0.6]' ;;
  bpr | vbpr) knob='model.reg: [0.1, 1]' ;;
  bm3) knob='model.reg: [0.01, 0.1]' ;;
  *) knob='model.reg: [0.0001, 0.001]' ;;
esac
strategies=
for strategy in ${STRATEGIES:-plain bsam bsam+ mirror}; do
  case $strategy in
    plain) own= ;;
    bsam*) own=', strategy.rho: [0.05, 0.5]' ;;
    mirror) own=', strategy.alpha2: [0.1, 0.3]' ;;
    *) echo "results.sh: STRATEGIES: $strategy: plain, bsam, bsam+ or mirror" >&2; exit 64 ;;
  esac
  strategies+="
    - {strategy.name: $strategy$own}"
done
[[ -z $features ]] || features="features: [${features//,/, }], scale: standard"
configuration=$(cat <<YAML
data: {path: $data, $features}
model: {name: $model, dim: 64}
optimizer: {name: adam}
train: {epochs: ${EPOCHS:-1000}, batch_size: ${BATCH:-2048}}
eval: {metric: recall@20, every: 2, patience: 10}
tune:
  search: grid
  trials: 6
  seeds: [1, 2, 3]
  space:
    optimizer.lr: ${RATES:-[0.0005, 0.001, 0.005]}
    $knob
  strategies:$strategies
YAML
)
echo "$configuration"
if [[ -n ${PLATEAU:-} && -n $out ]]; then
  mkdir -p "$out"
  echo "$configuration" >"$out/search.yaml"
  "$PLATEAU" tune "$out/search.yaml" -o "$out/tune" --jobs "${JOBS:-1}" --format json >"$out/results.json"
fi
