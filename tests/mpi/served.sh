#!/usr/bin/env bash
# Servers as a step of their own beside the workers' step in one allocation of Slurm, as docs/library.md has it: the tables
# of servers without a launcher, also after a worker was killed and the job queued again; and servers in the workers' step,
# in their MPI_COMM_WORLD. Arguments: the build directory.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/slurm.sh
source "$root/tests/slurm.sh"
build=$1
export LD_LIBRARY_PATH=$build${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} PATH=${plateau%/*}:$PATH
cd "$work"
quietly cc -std=c17 -O2 -ffp-contract=off -I "$root/include" "$root/examples/library/fm.c" -o fm -L "$build" -lplateau -lm
# without_launcher RUN COMMAND...: a worker beside servers that nobody launched.
without_launcher() {
  local run=$1 server
  shift
  plateau serve "$run" --idle 60 2>/dev/null &
  server=$!
  "$@" 2>/dev/null
  wait "$server"
}
want=$(without_launcher alone ./fm alone/job 0 3000)

say "two steps; a worker killed, the job queued again"
cat >job.sbatch <<'SCRIPT'
#!/bin/bash
#SBATCH --ntasks=6 --requeue --open-mode=append --output=said.txt
srun --overlap --mpi=pmix -n 2 plateau serve run --workers 4 --idle 600 --resume &
srun --overlap -K1 -n 4 sh -c 'exec ./fm run/job $SLURM_PROCID 3000' || kill -USR1 $!
wait $!
SCRIPT
is_done() { [[ -z $(squeue -h -j "$1" -t PENDING,RUNNING,COMPLETING 2>/dev/null) ]]; }
run_job() { # NAME: submits job.sbatch; id and, once it is over, code
  local i
  id=$(sbatch --parsable job.sbatch)
  for ((i = 0; i < 600; i++)); do
    ! is_done "$id" || break
    [[ $1 != killed || -e $work/struck || ! -e run/checkpoints/last ]] || strike
    sleep 0.1
  done
  code=$(scontrol show job "$id" | sed -n 's/.* ExitCode=\([0-9]*\):.*/\1/p')
}
strike() {
  kill -KILL "$(pgrep -f '^\./fm run/job 3 ' | head -n 1)" || fail "there is no worker to kill: $(cat said.txt)"
  touch "$work/struck"
}
run_job killed
[[ $code == 75 ]] || complain "a worker killed: the job's exit code is $code: $(cat said.txt)"
grep -q 'servers stopped by signal 10' said.txt || complain "a worker killed: $(cat said.txt)"
run_job again
[[ $code == 0 ]] || complain "queued again: exit code $code"
grep -q 'tables as of clock [0-9]*00;' said.txt || complain "queued again: it did not go on"
[[ $(tail -n 1 said.txt) == "$want" ]] || complain "two steps: $(tail -n 1 said.txt), not $want"

say "one step for both"
command -v mpicc >/dev/null || { say "not tried: there is no mpicc"; conclude; exit; }
quietly mpicc -std=c17 -O2 -ffp-contract=off -I "$root/include" "$root/examples/library/beside.c" -o beside -L "$build" -lplateau
want=$(without_launcher one mpirun --bind-to none -n 1 ./beside one)
printf '0-1 plateau serve both --mpmd text --workers 4\n2-5 ./beside both text\n' >both.conf
got=$(timeout 60 srun --mpi=pmix -n 6 --multi-prog both.conf 2>both.txt) || complain "one step: $(cat both.txt)"
[[ $got == "$want" ]] || complain "one step: $got, not $want"
code=0
timeout 60 srun --mpi=pmix -n 6 --multi-prog both.conf >both.txt 2>&1 || code=$?
((code == 64)) && [[ $(grep -c 'plateau: error: both holds checkpoints' both.txt) == 1 ]] || complain "one step that cannot be: exit $code, $(cat both.txt)"
conclude
