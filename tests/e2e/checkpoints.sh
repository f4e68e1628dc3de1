#!/usr/bin/env bash
# Checkpoints while training goes on: each holds the tables of its clock, whatever changed while it was written; the
# newest `keep` stay; training has the same bits with and without them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
quietly "$plateau" data synth "$data" --users 30000 --items 20000 --interactions 60000 --modalities text:64 --seed 3
write_config "$config" "$data" '  name: plain'
sed -i 's/features: .*/features: [text_feat.npy]/; s/batch_size: 512/batch_size: 2048/; s/micro_batch: 128/micro_batch: 512/
  s/dim: 8/dim: 64/; s/epochs: 3/epochs: 2/' "$config"

train_run "$work/without" --servers 2 --workers 2
reference=$(tables_hash "$work/without")
for sweep in sparse dense; do
  run=$work/$sweep
  train_run "$run" --servers 2 --workers 2 --set "optimizer.sweep=$sweep" --set checkpoint.every_s=0.000001 \
    --set checkpoint.keep=1000
  [[ $sweep == dense || $(tables_hash "$run") == "$reference" ]] || complain "$sweep: checkpoints change the tables"
  mapfile -t clocks < <(find "$run/checkpoints" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -n)
  say "$sweep: ${#clocks[@]} checkpoints at clocks ${clocks[*]}; $(grep -ho '[0-9.]* MB were copied' "$run"/logs/server-0.txt | sort -n | tail -1)"
  ((${#clocks[@]} >= 3)) || complain "$sweep: too few checkpoints to show anything"
  for clock in "${clocks[@]:1:2}"; do # a run that ends there
    train_run "$work/short" --servers 1 --set "optimizer.sweep=$sweep" --set "train.max_steps=$clock"
    ln -sfn "$clock" "$run/checkpoints/last"
    [[ $(tables_hash "$run") == $(tables_hash "$work/short") ]] || complain "$sweep: checkpoint $clock holds other rows"
    rm -rf "$work/short"
  done
done
grep -qhE '[1-9][0-9.]* MB were copied' "$work"/*/logs/server-*.txt || complain "nothing changed during any sweep"

train_run "$work/kept" --set checkpoint.every_s=0.000001 --set checkpoint.keep=2
n=$(find "$work/kept/checkpoints" -mindepth 1 -maxdepth 1 -type d | wc -l)
((n == 2)) || complain "keep 2: $n checkpoints"
conclude
