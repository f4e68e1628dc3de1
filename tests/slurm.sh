# slurm.sh - a Slurm cluster of this machine alone, as one node of 16 processors, made when this is sourced and taken down
# again at the test's end. Behind lib.sh. The test is skipped without Slurm, munge, or root.
#   main, urgent   its partitions: the jobs of urgent preempt those of main
# shellcheck shell=bash disable=SC2154
for command in munged slurmctld slurmd srun sbatch; do
  command -v "$command" >/dev/null || { say "skipped: there is no $command (slurmctld, slurmd, slurm-client, munge)"; exit 77; }
done
[[ $(id -u) == 0 ]] || { say "skipped: needs root"; exit 77; }

slurm=$work/slurm host=$(hostname)
mkdir -p "$slurm/munge" "$slurm/state" "$slurm/spool"
chmod 755 "$work" "$slurm" "$slurm/munge"
dd if=/dev/urandom of="$slurm/key" bs=1 count=1024 2>/dev/null
chmod 400 "$slurm/key"
write_conf() { # at ports below those that the system gives to whoever asks for any
  local port=$((10000 + RANDOM % 20000))
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
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=urgent Nodes=$host MaxTime=INFINITE State=UP PriorityTier=9 PreemptMode=OFF
CONF
}
export SLURM_CONF=$slurm/slurm.conf
take_down() {
  local name
  timeout 10 scancel -u root --full -s KILL 2>/dev/null || true
  for name in slurmctld slurmd munge/munged; do
    [[ ! -s $slurm/$name.pid ]] || kill "$(cat "$slurm/$name.pid")" 2>/dev/null || true
  done
  sleep 1
}
at_end+=(take_down)
munged --force --key-file="$slurm/key" --socket="$slurm/munge/socket" --pid-file="$slurm/munge/munged.pid" \
  --log-file="$slurm/munge/log" --seed-file="$slurm/munge/seed"
is_idle() { [[ $(timeout 5 sinfo -h -o %T 2>/dev/null) == idle ]]; }
start() { # the daemons, at ports of their own; fails where one of them does not live: somebody may have its port
  local controller node i
  write_conf
  slurmctld -D >"$slurm/slurmctld.txt" 2>&1 &
  controller=$!
  slurmd -D >"$slurm/slurmd.txt" 2>&1 &
  node=$!
  for ((i = 0; i < 150; i++)); do
    ! is_idle || return 0
    kill -0 "$controller" 2>/dev/null && kill -0 "$node" 2>/dev/null || break
    sleep 0.2
  done
  kill "$controller" "$node" 2>/dev/null || true
  wait "$controller" "$node" || true
  return 1
}
start || start || start || { cat "$slurm"/*.txt >&2; fail "no Slurm node, three times"; }
