#!/usr/bin/env bash
# run_case.sh CASE [--servers N] [--workers N]: trains a golden case through the commands a user has and compares
# what comes out: tables and losses, or, where the case holds expect.json, metrics.
set -euo pipefail
(($# > 0)) || { echo "usage: run_case.sh CASE_DIR [--servers N] [--workers N]" >&2; exit 64; }
given=$1
shift
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ -f $given/config.yaml ]] || fail "$given: no golden case"
tolerance=1e-5

# Tables that a procedure has dropped by its end: as the last checkpoint has them that has them at all.
has_all() {
  local table
  for table in "$given"/expect/*.npy; do [[ -f $work/out/${table##*/} ]] || return 1; done
}
add_dropped() {
  local clock
  for clock in $(find "$work/run/checkpoints" -mindepth 1 -maxdepth 1 -name '[0-9]*' -printf '%f\n' | sort -rn); do
    ! has_all || return 0
    ln -sfn "$clock" "$work/run/checkpoints/last"
    rm -rf "$work/then"
    quietly "$plateau" export "$work/run" --last -o "$work/then"
    cp -n "$work/then"/*.npy "$work/out"
  done
}

cp -r "$given" "$work/case"
quietly "$plateau" train "$work/case/config.yaml" --set "run.dir=$work/run" --set checkpoint.keep=1000 "$@"
if [[ -f $given/expect.json ]]; then
  "$tools/metrics_compare" "$work/run/metrics.jsonl" "$given/expect.json" --tolerance "$tolerance" || complain "metrics"
else
  quietly "$plateau" export "$work/run" --last -o "$work/out"
  add_dropped
  "$tools/npy_compare" "$work/out" "$given/expect" --tolerance "$tolerance" || complain "tables"
  "$tools/loss_compare" "$work/run/metrics.jsonl" "$given/expect/loss.json" --tolerance "$tolerance" || complain "losses"
fi
conclude
