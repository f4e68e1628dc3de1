#!/usr/bin/env bash
# model.projection=bf16: losses and metrics near those of f32, the same bits for any number of servers, workers and
# threads, under a launcher and after a resume; refused where the processor has no AMX, and where it would mean nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
train=("$plateau" train "$config" --quiet --set "run.dir=$work/none" --set model.projection=bf16)

say "refusals"
refuses 64 'model.projection: bf16 needs a processor with AMX.*here is oneDNN .* for AVX512_CORE|here is .*: train there, or set f32' \
  env ONEDNN_MAX_CPU_ISA=AVX512_CORE "${train[@]}"
refuses 64 'model.projection.*model.amr_weight' "${train[@]}" --set model.amr_weight=0.1
refuses 64 'model.projection: model bpr reads no features that could be multiplied' "${train[@]}" --set model.name=bpr
refuses 64 'multiplies features as they are given, and model.train_features trains them' \
  "${train[@]}" --set model.name=freedom --set model.train_features=true
[[ ! -e $work/none/checkpoints ]] || complain "a refused training left a checkpoint"
"$plateau" --version | grep -q '^products.*bfloat16 by AMX' || {
  say "the rest is skipped: this processor has no AMX, or plateau was built without oneDNN"
  conclude
  exit 0
}

longer=(--set train.epochs=20 --set eval.every=20)
metric_of() { grep '"event": *"eval".*"valid"' "$1/metrics.jsonl" | json_number 'recall@20' | tail -n 1; }
last_loss_of() { losses_of "$1" | tail -n 1 | cut -d ' ' -f 3; }
train_run "$work/f32" "${longer[@]}"
train_run "$work/bf16" "${longer[@]}" --set model.projection=bf16
for what in metric last_loss; do
  f32=$(${what}_of "$work/f32") bf16=$(${what}_of "$work/bf16")
  say "$what: f32 $f32, bf16 $bf16"
  awk -v f32="$f32" -v bf16="$bf16" 'BEGIN { d = f32 - bf16; exit !(f32 > 0.1 && d * d < (0.05 * f32) ^ 2) }' ||
    complain "$what is not near that of f32"
done
[[ $(tables_hash "$work/f32") != $(tables_hash "$work/bf16") ]] || complain "bf16 has the bits of f32"

for model in vbpr ultragcn; do
  as=(--set "model.name=$model" --set model.projection=bf16)
  [[ $model == vbpr ]] || as+=(--set model.feat_dim=8)
  sed '/^  reg:/d' "$config" >"$work/$model.yaml"
  config=$work/$model.yaml
  train_run "$work/$model" "${as[@]}"
  reference=$(tables_hash "$work/$model")
  train_run "$work/$model-shape" "${as[@]}" --servers 3 --workers 2 --set cluster.threads=3
  [[ $(tables_hash "$work/$model-shape") == "$reference" ]] || complain "$model: other tables with 3 servers, 2 workers, 3 threads"
  train_run "$work/$model-stopped" "${as[@]}" --set train.max_steps=8
  train_run "$work/$model-stopped" "${as[@]}" --servers 2 --set cluster.transport=tcp --resume
  [[ $(tables_hash "$work/$model-stopped") == "$reference" ]] || complain "$model: other tables after a resume"
done
if command -v mpirun >/dev/null; then
  ranks 3 train "$config" --quiet --set "run.dir=$work/ranks" "${as[@]}" >"$work/out.txt" 2>&1 || { complain "mpirun failed"; cat "$work/out.txt" >&2; }
  [[ $(tables_hash "$work/ranks") == "$reference" ]] || complain "other tables under mpirun"
fi

say "rankings are f32's: without AMX the same"
metrics() { "$plateau" evaluate "$work/vbpr" --last | grep @; }
here=$(metrics)
[[ -n $here && $here == "$(ONEDNN_MAX_CPU_ISA=AVX512_CORE metrics)" ]] || complain "evaluate differs without AMX"
conclude
