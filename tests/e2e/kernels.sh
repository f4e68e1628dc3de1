#!/usr/bin/env bash
# Kernel sets of products: the best that the processor has, unless a user says less; a checkpoint knows with which it was
# trained, and going on with others is warned of.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
lesser_kernels || { say "skipped: $("$plateau" --version | grep '^products') has nothing below it"; exit 77; }

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
warning='its bits may differ from those of a run that was never stopped'

train_run "$work/own" --set train.max_steps=2
kernels=$(kernels_of "$work/own")
env "$lesser_variable=$lesser_set" "$plateau" train "$config" --quiet --set "run.dir=$work/lesser" --set train.max_steps=2 >"$work/out.txt" 2>&1 ||
  { complain "$lesser_variable=$lesser_set: failed"; cat "$work/out.txt" >&2; }
[[ $(kernels_of "$work/lesser") == "$lesser_set" ]] || complain "$lesser_variable=$lesser_set: runs $(kernels_of "$work/lesser")"
[[ $(tables_hash "$work/own") != $(tables_hash "$work/lesser") ]] || complain "$kernels and $lesser_set: the same bits, so this says nothing"
grep -q "\"products\": *\"[^\"]* for $lesser_set\"" "$work/lesser/checkpoints/last/manifest.json" ||
  complain "the manifest does not say $lesser_set"
"$plateau" inspect "$work/lesser" | grep -q "products by .* for $lesser_set" || complain "inspect does not say $lesser_set"

if [[ $lesser_variable == ONEDNN_MAX_CPU_ISA ]]; then # the library's older name for it is a user's word too
  (export DNNL_MAX_CPU_ISA=$lesser_set && train_run "$work/older-name" --set train.max_steps=2)
  [[ $(kernels_of "$work/older-name") == "$lesser_set" ]] || complain "DNNL_MAX_CPU_ISA=$lesser_set: runs $(kernels_of "$work/older-name")"
fi

say "going on"
go_on() { "$plateau" train "$config" --resume --set "run.dir=$work/$1" >"$work/out.txt" 2>&1 || { complain "--resume: failed"; cat "$work/out.txt" >&2; }; }
go_on own
! grep -q "$warning" "$work/out.txt" || complain "a warning although the kernels are the same"
go_on lesser
grep "$warning" "$work/out.txt" | grep "for $lesser_set, this run goes on with .* for $kernels" >/dev/null || { complain "no warning of other kernels"; cat "$work/out.txt" >&2; }
conclude
