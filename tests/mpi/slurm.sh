#!/usr/bin/env bash
# Under srun: the bits of the embedded run, a child killed, a step without PMIx, USR1; and launch/slurm/train.sbatch
# from the first start over a signal and a requeue to the end. A cluster of one node is made here and taken down again.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
for command in munged slurmctld slurmd srun sbatch; do
  command -v "$command" >/dev/null || { say "skipped: there is no $command (slurmctld, slurmd, slurm-client, munge)"; exit 77; }
done
[[ $(id -u) == 0 ]] || { say "skipped: needs root"; exit 77; }

# ---- a cluster of one node ----
slurm=$work/slurm host=$(hostname) port=$((20000 + RANDOM % 20000))
mkdir -p "$slurm/munge" "$slurm/state" "$slurm/spool"
chmod 755 "$work" "$slurm" "$slurm/munge"
dd if=/dev/urandom of="$slurm/key" bs=1 count=1024 2>/dev/null
chmod 400 "$slurm/key"
cat >"$slurm/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$slurm/munge/socket
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$slurm/slurm.conf
take_down() {
  local name
  scancel -u root --full -s KILL 2>/dev/null || true
  for name in slurmctld slurmd munge/munged; do
    [[ ! -s $slurm/$name.pid ]] || kill "$(cat "$slurm/$name.pid")" 2>/dev/null || true
  done
  sleep 1
}
at_end+=(take_down)
munged --force --key-file="$slurm/key" --socket="$slurm/munge/socket" --pid-file="$slurm/munge/munged.pid" \
  --log-file="$slurm/munge/log" --seed-file="$slurm/munge/seed"
slurmctld -D >"$slurm/slurmctld.txt" 2>&1 &
slurmd -D >"$slurm/slurmd.txt" 2>&1 &
for ((i = 0; i < 150; i++)); do
  [[ $(sinfo -h -o %T 2>/dev/null) != idle ]] || break
  sleep 0.2
done
[[ $(sinfo -h -o %T) == idle ]] || { cat "$slurm"/*.txt >&2; fail "no Slurm node within 30 s"; }

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
[[ $(grep -c 'plateau: error:.*--mpi=pmix' "$work/none.txt") == 1 ]] || { complain "no PMIx: not one line that names the cure"; cat "$work/none.txt"; }

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

say "train.sbatch: a signal, a requeue, the end"
cd "$work"
export PLATEAU=$plateau
sbatch -n 4 -o "$work/batch.txt" "$root/launch/slurm/train.sbatch" "$config" "$work/batch" "${epochs[@]}" \
  --set train.epochs=400 >"$work/sbatch.txt"
id=$(grep -o '[0-9]*$' "$work/sbatch.txt")
wait_for has_stepped "$work/batch"
scancel --batch -s USR1 "$id"
is_requeued() { grep -qs 'requeued after exit code 75' "$work/batch.txt"; }
wait_for is_requeued
sleep 1
# Slurm waits two minutes before it starts a requeued job; not here.
scontrol update "jobid=$id" StartTime=now 2>/dev/null || true
is_done() { [[ -z $(squeue -h -j "$id" -t PENDING,RUNNING,COMPLETING 2>/dev/null) ]]; }
for ((i = 0; i < 1800; i++)); do ! is_done || break; sleep 0.1; scontrol update "jobid=$id" StartTime=now 2>/dev/null || true; done
grep -q '"final"' "$work/batch/metrics.jsonl" || { complain "the requeued job did not come to its end"; cat "$work/batch.txt"; }
train_run "$work/whole" "${epochs[@]}" --set train.epochs=400
[[ $(tables_hash "$work/batch") == $(tables_hash "$work/whole") ]] || complain "train.sbatch: other tables than an undisturbed run"
conclude
