# hosts.sh - hosts of a test: network namespaces with a name, each with a cable of its own to a bridge between them, and
# a second network that leads nowhere. Needs root, ip, tc and mpirun; nothing outside the namespaces is touched.
# Sourced after lib.sh, which brings $work and at_end.
#   hosts_up N RATE   h1 to hN, 10.213.77.1 and up; RATE as tc takes it, each way; ends the test with 77 if it cannot be.
#                     From then on mpirun starts its daemons there, and TMPDIR lies in $work
#   $work/on HOST COMMAND...
# shellcheck shell=bash disable=SC2034,SC2154
prefix=plateau-$$ net=10.213.77 # within the namespaces only
hosts=()

skip() { say "skipped: $*"; exit 77; }
pids_of() { ip netns pids "$prefix-$1" 2>/dev/null || true; }
hosts_down() {
  local host pids
  for host in "${hosts[@]}" switch; do
    mapfile -t pids < <(pids_of "$host")
    ((${#pids[@]} == 0)) || kill -9 "${pids[@]}" 2>/dev/null || true
    ip netns delete "$prefix-$host" 2>/dev/null || true
  done
}
make_hosts() {
  local rate=$1 i host switch=$prefix-switch
  ip netns add "$switch"
  ip -n "$switch" link add name bridge0 type bridge
  ip -n "$switch" link set dev bridge0 up
  for ((i = 1; i <= ${#hosts[@]}; i++)); do
    host=$prefix-h$i
    ip netns add "$host"
    ip -n "$host" link set dev lo up
    ip -n "$host" link add name decoy type veth peer name decoy-end # first in the list of networks
    ip -n "$host" address add "10.213.78.$i/24" dev decoy
    ip -n "$host" link set dev decoy up
    ip -n "$host" link set dev decoy-end up
    ip -n "$switch" link add name "port$i" type veth peer name cable netns "$host"
    ip -n "$switch" link set dev "port$i" master bridge0 up
    ip -n "$host" address add "$net.$i/24" dev cable
    ip -n "$host" link set dev cable up
    ip netns exec "$host" tc qdisc add dev cable root tbf rate "$rate" burst 64kb latency 50ms
    ip netns exec "$switch" tc qdisc add dev "port$i" root tbf rate "$rate" burst 64kb latency 50ms
    # mpirun and its daemons wait for a lost host until TCP gives up: after some 6 s here, 15 minutes by default.
    ip netns exec "$host" sh -c "echo 4 >/proc/sys/net/ipv4/tcp_retries2"
    echo "$net.$i h$i" >>"$work/hosts"
  done
}
# hears HOST OTHER: a port where nobody listens is refused, not silent.
hears() {
  local answer
  answer=$(ip netns exec "$prefix-$1" timeout 1 bash -c "</dev/tcp/$net.${2#h}/9" 2>&1 || true)
  [[ $answer == *refused* ]]
}
# The daemons of mpirun try to reach each other only once.
wait_for_network() {
  local i host all
  for ((i = 0; i < 50; i++)); do
    all=yes
    for host in "${hosts[@]:1}"; do hears h1 "$host" && hears "$host" h1 || all=no; done
    [[ $all == no ]] || return 0
    sleep 0.1
  done
  fail "the hosts do not hear each other"
}
hosts_up() {
  local command
  (($(id -u) == 0)) || skip "network namespaces need root"
  need_mpirun
  for command in ip tc unshare; do command -v "$command" >/dev/null || skip "there is no $command"; done
  mapfile -t hosts < <(seq -f h%g "$1")
  at_end+=(hosts_down)
  echo "127.0.0.1 localhost" >"$work/hosts"
  (make_hosts "$2") 2>"$work/set-up.txt" ||
    { cat "$work/set-up.txt"; skip "this machine does not let us make network namespaces"; }
  # on HOST COMMAND...: there, under its name.
  cat >"$work/on" <<TEXT
#!/bin/sh
host=\$1
shift
exec ip netns exec $prefix-\$host unshare --uts sh -c 'hostname "\$0"; mount --bind $work/hosts /etc/hosts; exec "\$@"' "\$host" "\$@"
TEXT
  # What mpirun takes for ssh: HOST COMMAND-LINE.
  cat >"$work/agent" <<TEXT
#!/bin/sh
host=\$1
shift
exec $work/on "\$host" sh -c "\$*"
TEXT
  chmod +x "$work/on" "$work/agent"
  mkdir "$work/tmp"
  export TMPDIR=$work/tmp
  export OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent=$work/agent OMPI_MCA_plm_rsh_no_tree_spawn=1
  export OMPI_MCA_oob_tcp_if_include=$net.0/24 OMPI_MCA_btl_tcp_if_include=$net.0/24
}
