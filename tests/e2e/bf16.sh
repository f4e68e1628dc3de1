#!/usr/bin/env bash
# cluster.wire=bf16: half the bytes of values, metrics near those of f32, the same bits for any number of servers and
# after a resume.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
longer=(--set train.epochs=20 --set model.dim=64 --set eval.every=20)
bytes_of() { grep '"event": *"epoch"' "$1/metrics.jsonl" | json_number "$2" | head -n 1; }
metric_of() { grep '"event": *"eval".*"valid"' "$1/metrics.jsonl" | json_number 'recall@20' | tail -n 1; }

train_run "$work/f32" "${longer[@]}"
train_run "$work/bf16" "${longer[@]}" --set cluster.wire=bf16
for way in pull_bytes push_bytes; do
  say "$way of an epoch: f32 $(bytes_of "$work/f32" $way), bf16 $(bytes_of "$work/bf16" $way)"
  awk -v f32="$(bytes_of "$work/f32" $way)" -v bf16="$(bytes_of "$work/bf16" $way)" \
    'BEGIN { exit !(bf16 > 0.49 * f32 && bf16 < 0.56 * f32) }' || complain "$way: not about half"
done
say "validation recall@20: f32 $(metric_of "$work/f32"), bf16 $(metric_of "$work/bf16")"
awk -v f32="$(metric_of "$work/f32")" -v bf16="$(metric_of "$work/bf16")" \
  'BEGIN { d = f32 - bf16; exit !(f32 > 0.1 && d * d < (0.05 * f32) ^ 2) }' || complain "metrics are not near those of f32"
[[ $(tables_hash "$work/f32") != $(tables_hash "$work/bf16") ]] || complain "bf16 has the bits of f32"

train_run "$work/short" --set cluster.wire=bf16
reference=$(tables_hash "$work/short")
train_run "$work/servers" --set cluster.wire=bf16 --servers 3
[[ $(tables_hash "$work/servers") == "$reference" ]] || complain "other tables with 3 servers"
train_run "$work/stopped" --set cluster.wire=bf16 --set train.max_steps=8
train_run "$work/stopped" --set cluster.wire=bf16 --servers 2 --set cluster.transport=tcp --resume
[[ $(tables_hash "$work/stopped") == "$reference" ]] || complain "other tables after a resume"
conclude
