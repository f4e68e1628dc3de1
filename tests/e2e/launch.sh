#!/usr/bin/env bash
# plateau launch: what it prints is what a cluster is to run, whatever is in names and values: the scripts with an srun
# that is none, the command of mpirun by itself. tests/mpi/slurm.sh has them on a real Slurm.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data
make_data "$data"
mkdir "$work/a b" "$work/bin"
config="$work/a b/it's.yaml"
write_config "$config" "$data" '  name: plain'
cd "$work/a b"

say "a script"
printf '#!/usr/bin/env bash\nprintf "%%s\\n" "$@" >>"%s/words.txt"\nexit "${SRUN_EXIT:-0}"\n' "$work" >"$work/bin/srun"
printf '#!/bin/sh\necho "$*" >>"%s/requeued.txt"\n' "$work" >"$work/bin/scontrol"
chmod +x "$work/bin"/*
"$plateau" launch slurm "it's.yaml" --nodes 3 --ranks-per-node 8 --cpus-per-rank 2 --servers 5 --time 4:00:00 --partition cpu \
  --grace 60 --set train.epochs=2 --set "data.path=$data" >"$work/job"
for line in --nodes=3 --ntasks-per-node=8 --cpus-per-task=2 --time=4:00:00 --partition=cpu --requeue --open-mode=append \
  --signal=B:USR1@60 --job-name=\"it\'s\" --output=\""$work/a b/plateau-%j.txt"\"; do
  grep -qxF "#SBATCH $line" "$work/job" || complain "the script has no #SBATCH $line: $(grep '^#SBATCH' "$work/job")"
done
# Where it was printed is where it runs, from wherever it is sent.
(cd / && PATH=$work/bin:$PATH SLURM_JOB_ID=7 quietly bash "$work/job")
printf '%s\n' --mpi=pmix --cpus-per-task=2 --cpu-bind=cores "$(realpath "$plateau")" train "it's.yaml" --servers 5 \
  --set cluster.threads=2 --set train.epochs=2 --set "data.path=$data" --set "run.dir=runs/it's-7" --resume --quiet >"$work/want.txt"
diff <(sed "s|^$plateau\$|$(realpath "$plateau")|" "$work/words.txt") "$work/want.txt" || complain "srun was given other words"
if command -v shellcheck >/dev/null; then
  shellcheck -s bash "$work/job" || complain "shellcheck"
else
  say "not checked: there is no shellcheck"
fi
touch "$work/requeued.txt"
for exit in 0:0:0 75:75:1 137:137:2 64:64:2; do
  IFS=: read -r says want times <<<"$exit"
  code=0
  (cd / && PATH=$work/bin:$PATH SLURM_JOB_ID=7 SRUN_EXIT=$says bash "$work/job" >"$work/out.txt" 2>&1) || code=$?
  ((code == want)) || complain "exit $says of plateau: the script's is $code"
  [[ $(wc -l <"$work/requeued.txt") == "$times" ]] || complain "exit $says of plateau: $times requeues are right"
done
[[ $(sort -u "$work/requeued.txt") == "requeue 7" ]] || complain "scontrol: $(cat "$work/requeued.txt")"

say "a command of mpirun"
need_mpirun
(($(nproc) >= 2)) || { say "skipped: two ranks are bound to two cores"; exit 77; }
"$plateau" launch mpirun "it's.yaml" --ranks-per-node 2 --hosts localhost --set "run.dir=$work/under mpirun" >"$work/command"
(($(wc -l <"$work/command") == 1)) || complain "not one line: $(cat "$work/command")"
quietly bash "$work/command"
quietly "$plateau" train "it's.yaml" --set "run.dir=$work/whole"
[[ $(tables_hash "$work/under mpirun") == $(tables_hash "$work/whole") ]] || complain "mpirun: other tables than one process"
quietly bash "$work/command" # with run.dir the same command goes on, here with nothing

say "what makes no sense"
refuses 64 'for slurm or for mpirun' "$plateau" launch pbs "it's.yaml"
refuses 64 'leave no worker' "$plateau" launch slurm "it's.yaml" --nodes 2 --ranks-per-node 1
refuses 64 'leave no worker' "$plateau" launch slurm "it's.yaml" --set cluster.servers=4
refuses 64 '2000 servers and 6000 workers: at most 1024 and 4096' "$plateau" launch slurm "it's.yaml" --nodes 2000
refuses 64 '1 servers and 4999 workers: at most' "$plateau" launch slurm "it's.yaml" --nodes 5 --ranks-per-node 1000 --servers 1
refuses 64 'names 2 machines, --nodes says 1' "$plateau" launch mpirun "it's.yaml" --hosts a,b
refuses 64 'is of slurm' "$plateau" launch mpirun "it's.yaml" --time 1:00
refuses 64 'Slurm chooses' "$plateau" launch slurm "it's.yaml" --hosts a
refuses 64 'line of #SBATCH' "$plateau" launch slurm "it's.yaml" --partition $'a\nb'
refuses 64 'launch: --nodes: 0 must be' "$plateau" launch slurm "it's.yaml" --nodes 0
refuses 64 'model.nme: unknown option' "$plateau" launch slurm "it's.yaml" --set model.nme=bpr
[[ ! -s $work/stdout.txt ]] || complain "something is printed of a script that is refused"
conclude
