#!/usr/bin/env bash
# The least of a job under mpirun: a server and two workers compute the bits of the embedded run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
train_run "$work/embedded"
code=0
mkdir "$work/empty"
ranks 3 train "$config" --set "run.dir=$work/ranks" --set "init.from=$work/empty" >"$work/out.txt" 2>&1 || code=$?
((code == 65)) || complain "init.from=empty: exit $code"
quietly ranks 3 train "$config" --set "run.dir=$work/ranks" --log-view # a start that failed is no run
grep -qE '^total .* 100.0 %' "$work/quietly.txt" || complain "train --log-view: no table"
[[ $(tables_hash "$work/ranks") == $(tables_hash "$work/embedded") ]] || complain "other bits under mpirun"
grep -q 'child ended: ok$' "$work"/ranks/logs/supervisor-0.txt || complain "no word of a child's end"
! grep 'child ended: ok.' "$work"/ranks/logs/supervisor-*.txt || complain "a child's end in raw words"
conclude
