#!/usr/bin/env bash
# Jobs whose wall clock jumps hours back and forth at every look have the tables of an undisturbed one, the same waits,
# and durations that are durations.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
jump=$tools/libclock_jump.so
[[ -e $jump ]] || fail "$jump is missing"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
options=(--set train.epochs=30 --set checkpoint.every_s=0.05 --set eval.every=5)
train_run "$work/still" "${options[@]}"
reference=$(tables_hash "$work/still")

check() {
  [[ $(tables_hash "$1") == "$reference" ]] || complain "$2: other tables"
  ! grep -hE '"(seconds|wait_s|exchange_s|compute_s|sample_s)": *(-|[0-9]{3})' "$1/metrics.jsonl" ||
    complain "$2: a duration that is none"
}
quietly env LD_PRELOAD="$jump" timeout 100 "$plateau" train "$config" "${options[@]}" --set run.dir="$work/embedded" \
  --workers 2 --servers 2 --set cluster.transport=tcp
check "$work/embedded" embedded
if command -v mpirun >/dev/null; then
  quietly timeout 100 mpirun --bind-to none -n 4 -x LD_PRELOAD="$jump" "$plateau" train "$config" "${options[@]}" \
    --set run.dir="$work/ranks"
  check "$work/ranks" mpirun
fi
conclude
