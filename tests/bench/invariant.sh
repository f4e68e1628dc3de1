#!/usr/bin/env bash
# invariant.sh DATA OUT: what invariant learning does in and out of distribution. The data folder is split with a part
# whose popularity is inverted (`data split --shift popularity`); ultragcn, invrl and m3invrl are trained on it, each with
# plain and bsam+, then m3invrl without one of its parts at a time. Writes OUT/results.md: Recall@20 and NDCG@20 of the
# test part and of the shifted one, the mean over seeds and their spread, gradient evaluations and seconds.
# Nothing is tuned: one schedule for all, early stopping by the validation part, which is in distribution.
# Environment: PLATEAU (the binary), FEATURES ("image_feat.npy, audio_feat.npy"), SEEDS ("1 2 3"), THREADS (1),
# PARTS ("models ablations").
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
(($# == 2)) || { sed -n 's/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 64; }
given=$1 out=$2
read -ra seeds <<<"${SEEDS:-1 2 3}"
read -ra parts <<<"${PARTS:-models ablations}"
mkdir -p "$out"
[[ -d $out/data ]] || quietly "$plateau" data split "$given" -o "$out/data" --shift popularity --seed 1

# write_config MODEL [no-masks|merge]: decay, rates and epochs are the same wherever the models do the same.
write_config() {
  cat <<YAML
data: {path: $out/data, features: [${FEATURES:-image_feat.npy, audio_feat.npy}]}
model: {name: $1, dim: 64, feat_dim: 64, negatives: 20, wd_item_factor: 2}
optimizer: {name: adam, lr: 0.002}
cluster: {threads: ${THREADS:-1}}
train: {batch_size: 2048, epochs: 40}
eval: {every: 5, patience: 3, metric: recall@20, topk: [20], final: all}
YAML
  case $1 in
    ultragcn) return ;;
    invrl) echo "procedure:"; echo "- {stage: pretrain}" ;;
    m3invrl)
      echo "procedure:"
      echo "- {stage: encoders, model: {wd_embedding: 1e-7, wd_projection: 1e-5}}"
      ;;
  esac
  [[ ${2:-} == no-masks ]] || cat <<YAML
- repeat: 2
  stages:
  - {stage: environments, environments: 3, rounds: 2, train: {epochs: 3},
     optimizer: {tables: {env_user: {name: adagrad}, env_item: {name: adagrad}}}}
  - {stage: mask, train: {epochs: 5, batch_size: 4096}}
YAML
  if [[ $1 == invrl ]]; then
    echo "- {stage: final, model: {wd_projection: 0.1}}"
  else
    echo "- {stage: models, model: {wd_projection: 0.1}}"
    [[ ${2:-} != merge ]] || echo "- {stage: merge, model: {wd_projection: 0.1}, train: {epochs: 5}, eval: {every: 0}}"
    echo "- {stage: fusion, fusion: uniform, train: {epochs: 5}}"
  fi
}

# number RUN PART METRIC, of the run's last event `final`.
number() {
  grep '"event": "final"' "$1/metrics.jsonl" | tail -n 1 | grep -o "\"$2\": *{[^}]*" | sed -n "s/.*\"$3\": *\([0-9.e-]*\).*/\1/p"
}
whole() { grep '"event": "final"' "$1/metrics.jsonl" | tail -n 1 | json_number "$2"; }

# trial NAME MODEL OPTIONS...: a row of the table.
trial() {
  local name=$1 model=$2 seed run
  shift 2
  write_config "$model" "$name" >"$out/$name.yaml"
  : >"$work/rows.txt"
  for seed in "${seeds[@]}"; do
    run=$out/$name-$seed
    if ! grep -qs '"event": "final"' "$run/metrics.jsonl"; then
      rm -rf "$run"
      quietly "$plateau" train "$out/$name.yaml" --quiet --set "run.dir=$run" --set "run.seed=$seed" "$@"
      rm -rf "$run/checkpoints"
    fi
    echo "$(number "$run" valid recall@20) $(number "$run" test recall@20) $(number "$run" test ndcg@20)" \
      "$(number "$run" shift recall@20) $(number "$run" shift ndcg@20) $(whole "$run" gradients) $(whole "$run" seconds)" \
      >>"$work/rows.txt"
  done
  awk -v name="$name" '
    function put(k) { return sprintf("%.4f ± %.4f", sum[k] / NR, NR > 1 ? sqrt((square[k] - sum[k] ^ 2 / NR) / (NR - 1) + 1e-30) : 0) }
    { for (k = 1; k <= NF; k++) { sum[k] += $k; square[k] += $k ^ 2 } }
    END { printf "| %s | %s | %s | %s | %s | %s | %.2f | %.0f | %.0f |\n", name, put(1), put(2), put(3), put(4), put(5),
          sum[4] / sum[2], sum[6] / NR, sum[7] / NR }' "$work/rows.txt" | tee -a "$out/results.md"
}

cat >"$out/results.md" <<'TABLE'
| | valid R@20 | test R@20 | test N@20 | shift R@20 | shift N@20 | kept R@20 | gradient evaluations | s |
|---|---|---|---|---|---|---|---|---|
TABLE
for part in "${parts[@]}"; do
  case $part in
    models)
      for model in ultragcn invrl m3invrl; do
        for strategy in plain bsam+; do
          trial "$model-$strategy" "$model" --set "strategy.name=$strategy"
        done
      done
      ;;
    ablations)
      trial no-alignment m3invrl --set procedure.0.alignment=false
      trial no-mi m3invrl --set procedure.0.mi=none
      trial cross-correlation m3invrl --set procedure.0.mi=cross_correlation
      trial fusion-validation m3invrl --set procedure.3.fusion=validation
      trial fusion-learned m3invrl --set procedure.3.fusion=learned
      trial no-masks m3invrl
      trial merge m3invrl
      ;;
    *) fail "there is no part $part" ;;
  esac
done
