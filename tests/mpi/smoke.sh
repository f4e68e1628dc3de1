#!/usr/bin/env bash
# The least of a job under mpirun: a server and two workers compute the bits of the embedded run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
train_run "$work/embedded"
quietly ranks 3 train "$config" --set "run.dir=$work/ranks" --log-view
grep -qE '^total .* 100.0 %' "$work/quietly.txt" || complain "train --log-view: no table"
[[ $(tables_hash "$work/ranks") == $(tables_hash "$work/embedded") ]] || fail "other bits under mpirun"
say "all well"
