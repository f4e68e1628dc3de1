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

cp -r "$given" "$work/case"
quietly "$plateau" train "$work/case/config.yaml" --set "run.dir=$work/run" "$@"
if [[ -f $given/expect.json ]]; then
  "$tools/metrics_compare" "$work/run/metrics.jsonl" "$given/expect.json" --tolerance "$tolerance" || complain "metrics"
else
  quietly "$plateau" export "$work/run" --last -o "$work/out"
  "$tools/npy_compare" "$work/out" "$given/expect" --tolerance "$tolerance" || complain "tables"
  "$tools/loss_compare" "$work/run/metrics.jsonl" "$given/expect/loss.json" --tolerance "$tolerance" || complain "losses"
fi
conclude
