#!/usr/bin/env bash
# Signals at any moment, in every process, change nothing: a run alone, ranks of a job, what is asked of a run.
#   usage: tests/mpi/signals.sh ALARMS    ALARMS: tests/tools/alarms.c as a shared object
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

calm=$plateau data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
train_run "$work/calm"
cat >"$work/stormy" <<SH
#!/bin/sh
LD_PRELOAD=$1 exec $calm "\$@"
SH
chmod +x "$work/stormy"

plateau=$work/stormy
train_run "$work/alone"
quietly ranks 3 train "$config" --set "run.dir=$work/ranks" --set checkpoint.every_epochs=1
! grep -q 'start again' "$work"/ranks/logs/*.txt || complain "a process was lost"
quietly ranks 4 train "$config" --set "run.dir=$work/curve" --set cluster.servers=2 --set cluster.security=curve
quietly "$plateau" evaluate "$work/ranks"
quietly "$plateau" data pack "$data"
quietly "$plateau" bench table --only sgd --runs 1 --seconds 0.1 --scale 10
for run in alone ranks curve; do
  [[ $(plateau=$calm tables_hash "$work/$run") == $(plateau=$calm tables_hash "$work/calm") ]] || complain "$run: other bits"
done
conclude
