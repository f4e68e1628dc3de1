#!/usr/bin/env bash
# Under srun: the bits of the embedded run, a child killed, a step without PMIx, USR1; and the scripts of `plateau launch
# slurm` and `plateau tune --array` from the first start over a signal, a preemption and requeues to the end. A cluster of
# one node is made here and taken down again.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/slurm.sh
source "$root/tests/slurm.sh"

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
epochs=(--set train.epochs=60 --set checkpoint.every_s=0.2)
train_run "$work/embedded" "${epochs[@]}"
reference=$(tables_hash "$work/embedded")
same() { [[ $(tables_hash "$1") == "$reference" ]] || complain "$2: other tables than the embedded run"; }
tasks() { local n=$1; shift; timeout 120 srun --mpi=pmix -n "$n" "$plateau" "$@"; }
wait_for() { local i; for ((i = 0; i < 600; i++)); do ! "$@" || return 0; sleep 0.1; done; fail "not within a minute: $*"; }
has_stepped() { grep -qs '"step"' "$1/metrics.jsonl"; }

say "the bits of the embedded run"
quietly tasks 5 train "$config" "${epochs[@]}" --servers 2 --set run.dir="$work/plain"
same "$work/plain" srun

say "a step without PMIx"
code=0
timeout 60 srun --mpi=none -n 3 "$plateau" train "$config" --set run.dir="$work/none" >"$work/none.txt" 2>&1 || code=$?
[[ $code == 64 ]] || complain "no PMIx: exit $code, not 64"
# None knows of the others: a line each.
[[ $(grep -c 'plateau: error:.*--mpi=pmix' "$work/none.txt") == 3 ]] || { complain "no PMIx: not a line each that names the cure"; cat "$work/none.txt"; }

say "one error, and rank 0's code"
code=0
tasks 3 train "$config" --set run.dir="$work/bad" --set model.name=vbrp >"$work/bad.txt" 2>&1 || code=$?
[[ $code == 64 ]] || complain "a wrong name: exit $code, not 64"
[[ $(grep -c 'plateau: error:' "$work/bad.txt") == 1 ]] || { complain "a wrong name: not one error line"; cat "$work/bad.txt"; }

say "a child killed"
tasks 4 train "$config" "${epochs[@]}" --set run.dir="$work/killed" >"$work/out.txt" 2>&1 &
job=$!
wait_for has_stepped "$work/killed"
for ((i = 0; i < 20; i++)); do # the one that was found may have ended meanwhile
  ! kill -9 "$(children "$work/killed" | shuf -n 1)" 2>/dev/null || break
done
((i < 20)) || complain "no child to kill"
code=0
wait "$job" || code=$?
((code == 0)) || { complain "a child killed: exit $code"; cat "$work/out.txt"; }
grep -q '"recovery"' "$work/killed/metrics.jsonl" || complain "no recovery was noted"
same "$work/killed" "a child killed"

say "scancel -s USR1"
tasks 4 train "$config" "${epochs[@]}" --set run.dir="$work/usr1" --set train.epochs=100000 >"$work/out.txt" 2>&1 &
job=$!
wait_for has_stepped "$work/usr1"
squeue -h -o %i | xargs -r -n 1 scancel -s USR1
code=0
wait "$job" || code=$?
((code == 75)) || { complain "USR1: exit $code, not 75"; cat "$work/out.txt"; }
grep -q -- '--resume' "$work/out.txt" || complain "USR1: does not say how to go on"

# ---- scripts ----
cd "$work"
export PLATEAU=$plateau
# Slurm waits two minutes before it starts a requeued job; not here.
hurry() { scontrol update "jobid=$1" StartTime=now 2>/dev/null || true; }
is_done() { [[ -z $(squeue -h -j "$1" -t PENDING,RUNNING,COMPLETING 2>/dev/null) ]]; }
wait_for_end() { local i; for ((i = 0; i < 600; i++)); do ! is_done "$1" || return 0; sleep 0.2; hurry "$1"; done; }
says() { grep -qs -- "$1" "$2"; }
train_run "$work/whole" "${epochs[@]}" --set train.epochs=400
want=$(tables_hash "$work/whole")

say "plateau launch slurm: a signal, a requeue, the end"
"$plateau" launch slurm "$config" --nodes 1 --ranks-per-node 4 "${epochs[@]}" --set train.epochs=400 --set "run.dir=$work/batch" >train.sbatch
id=$(sbatch --parsable train.sbatch)
wait_for has_stepped "$work/batch"
scancel --batch -s USR1 "$id"
wait_for says 'requeued after exit code 75' "plateau-$id.txt"
sleep 1
hurry "$id"
wait_for_end "$id"
grep -q '"final"' "$work/batch/metrics.jsonl" || { complain "the requeued job did not come to its end"; cat "plateau-$id.txt"; }
[[ $(tables_hash "$work/batch") == "$want" ]] || complain "launch slurm: other tables than an undisturbed run"

say "preempted by a partition of higher priority"
long=("${epochs[@]}" --set train.epochs=2000) # it is not over before it is preempted
"$plateau" launch slurm "$config" --ranks-per-node 4 --partition main "${long[@]}" >preempted.sbatch
id=$(sbatch --parsable preempted.sbatch)
wait_for has_stepped "$work/runs/config-$id"
sbatch --parsable -p urgent --exclusive -o /dev/null --wrap true >/dev/null
was_preempted() { [[ $(squeue -h -j "$id" -o %T) == PENDING && $(scontrol show job "$id") == *Restarts=[1-9]* ]]; }
wait_for was_preempted
sleep 1
hurry "$id"
wait_for_end "$id"
grep -q '"final"' "$work/runs/config-$id/metrics.jsonl" || { complain "the preempted job did not come to its end"; cat "plateau-$id.txt"; }
says 'going on with epoch 1\?[0-9]\{1,3\} from' "plateau-$id.txt" || { complain "the preempted job did not go on from its middle"; cat "plateau-$id.txt"; }
train_run "$work/long" "${long[@]}"
[[ $(tables_hash "$work/runs/config-$id") == $(tables_hash "$work/long") ]] || complain "preempted: other tables than an undisturbed run"

say "plateau tune --array: a task is stopped and requeued, the others are left alone"
{ cat "$config" && printf 'tune: {seeds: [7], space: {optimizer.lr: [0.01, 0.02, 0.03]}}\n'; } >"$work/tune.yaml"
sed -i 's/every: 0/every: 100/' "$work/tune.yaml"
"$plateau" tune "$work/tune.yaml" -o "$work/search" --set train.epochs=400 --set checkpoint.every_s=0.2 --array >array.sbatch
id=$(sbatch --parsable array.sbatch)
wait_for has_stepped "$work/search/trials/all-3"
scancel --batch -s USR1 "${id}_2" # the last task: it may have the number of the array
wait_for says 'requeued after exit code 75' "$work/search/logs/slurm-2.txt"
sleep 1
hurry "${id}_2"
for ((i = 0; i < 600; i++)); do ! is_done "$id" || break; sleep 0.2; hurry "${id}_2"; done
for task in 0 1; do ! says requeued "$work/search/logs/slurm-$task.txt" || complain "task $task was requeued, too"; done
for trial in 1 2 3; do
  says '"final"' "$work/search/trials/all-$trial/metrics.jsonl" || { complain "trial $trial did not end"; cat "$work/search/logs/slurm-$((trial - 1)).txt"; }
done
conclude
