#!/usr/bin/env bash
# A job that is stopped as a whole for longer than cluster.deadline_s (Ctrl-Z, SIGSTOP, a suspended Slurm job) goes on
# where it was: nobody is said to be silent, nothing starts again, the tables are those of an undisturbed run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
options=(--set train.epochs=600 --set checkpoint.every_s=0.2)
train_run "$work/undisturbed" "${options[@]}"
reference=$(tables_hash "$work/undisturbed")
declare -A jobs
options+=(--set cluster.deadline_s=4 --quiet)

"$plateau" train "$config" "${options[@]}" --set run.dir="$work/embedded" >"$work/embedded.txt" 2>&1 &
jobs=([embedded]=$!)
ranks 4 train "$config" "${options[@]}" --set run.dir="$work/ranks" --servers 2 >"$work/ranks.txt" 2>&1 &
jobs[ranks]=$!
wait_for_step "$work/embedded"
kill -STOP "${jobs[embedded]}"
wait_for_step "$work/ranks"
mapfile -t processes < <(supervisors "$work/ranks"; children "$work/ranks" server; children "$work/ranks" worker)
kill -STOP "${processes[@]}"
sleep 6
kill -CONT "${jobs[embedded]}" "${processes[@]}"
for run in embedded ranks; do
  code=0
  wait "${jobs[$run]}" || code=$?
  [[ $code == 0 ]] || { complain "$run: exit $code"; cat "$work/$run.txt" >&2; }
  [[ $(tables_hash "$work/$run") == "$reference" ]] || complain "$run: other tables"
  ! grep -q 'start again' "$work/$run.txt" || complain "$run: started again"
done
((${#processes[@]} == 8)) || complain "${#processes[@]} processes were stopped, not 8"
conclude
