#!/usr/bin/env bash
# The run directory under attack: a full disk, a read-only one, a checkpoint that is cut short, has a bit flipped or
# lacks a file. Each time the error names the file, the checkpoint before stays and is used, and the run comes to the
# tables of an undisturbed one. Needs root for file systems of its own.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
[[ $(id -u) == 0 ]] && mkdir "$work/probe" && mount -t tmpfs tmpfs "$work/probe" 2>/dev/null ||
  { say "skipped: needs root, to mount"; exit 77; }
umount "$work/probe"
mounts=()
unmount() { local m; for m in "${mounts[@]}"; do umount -l "$m" 2>/dev/null || true; done; }
at_end+=(unmount)

data=$work/data config=$work/config.yaml
quietly "$plateau" data synth "$data" --users 800 --items 600 --interactions 8000 --modalities text:16 --seed 1
write_config "$config" "$data" "$bsam_plus"
sed -i 's/features: .*/features: [text_feat.npy]/; s/dim: 8/dim: 32/' "$config"
train_run "$work/whole"
reference=$(tables_hash "$work/whole")
newest() { basename "$(readlink -f "$1/checkpoints/last")"; }
# attempt COMMAND...: its exit code in $code, its output in $work/out.txt.
attempt() { code=0; timeout 120 "$@" >"$work/out.txt" 2>&1 </dev/null || code=$?; }
told() { [[ $(grep -c "plateau: error:.*$1" "$work/out.txt") == 1 ]] || { complain "$2: not one error line with \"$1\""; cat "$work/out.txt" >&2; }; }
same() { [[ $(tables_hash "$1") == "$reference" ]] || complain "$2: other tables"; }
ways=(embedded)
! command -v mpirun >/dev/null || ways+=(mpirun)
start() { # start WAY OPTIONS...
  local way=$1
  shift
  case $way in
    embedded) attempt "$plateau" train "$config" "$@" --servers 2 ;;
    mpirun) attempt mpirun --bind-to none -n 4 "$plateau" train "$config" "$@" --servers 2 ;;
  esac
}

for way in "${ways[@]}"; do
  say "$way: a full disk"
  disk=$work/full-$way run=$work/full-$way/run
  mkdir "$disk"
  mount -t tmpfs -o size=64m tmpfs "$disk"
  mounts+=("$disk")
  start "$way" --set run.dir="$run" --set train.max_steps=10
  [[ $code == 0 ]] || fail "$way: exit $code before anything was wrong: $(cat "$work/out.txt")"
  dd if=/dev/zero of="$disk/ballast" bs=1M 2>/dev/null || true # until it is full
  start "$way" --set run.dir="$run" --set checkpoint.every_s=0.05 --resume
  [[ $code == 74 ]] || complain "$way, full disk: exit $code, not 74"
  told "$disk" "$way, full disk"
  [[ $(newest "$run") == 10 ]] || complain "$way, full disk: the checkpoint before is gone"
  rm "$disk/ballast"
  start "$way" --set run.dir="$run" --resume
  [[ $code == 0 ]] || complain "$way, room again: exit $code"
  same "$run" "$way, room again"

  say "$way: a read-only directory"
  run=$disk/read-only
  start "$way" --set run.dir="$run" --set train.max_steps=10
  mount -o remount,ro "$disk"
  start "$way" --set run.dir="$run" --resume
  [[ $code == 73 || $code == 74 ]] || complain "$way, read-only: exit $code, not 73 or 74"
  told "$run" "$way, read-only"
  start "$way" --set run.dir="$disk/new"
  [[ $code == 73 || $code == 74 ]] || complain "$way, a new run on a read-only disk: exit $code, not 73 or 74"
  told "$disk/new" "$way, a new run on a read-only disk"
  mount -o remount,rw "$disk"
  start "$way" --set run.dir="$run" --resume
  same "$run" "$way, writable again"

  say "$way: full in the middle of a run"
  run=$disk/midway
  { start "$way" --set run.dir="$run" --set checkpoint.every_s=0.02 --set train.epochs=100000 --quiet; echo "$code" >"$work/code.txt"; } &
  job=$!
  for ((i = 0; i < 600; i++)); do [[ ! -e $run/checkpoints/last ]] || break; sleep 0.05; done
  dd if=/dev/zero of="$disk/ballast" bs=1M 2>/dev/null || true
  wait "$job"
  code=$(cat "$work/code.txt")
  [[ $code == 74 ]] || complain "$way, full midway: exit $code, not 74"
  told "$disk" "$way, full midway"
  rm "$disk/ballast"
  clock=$(newest "$run")
  start "$way" --set run.dir="$run" --set train.epochs=100000 --set "train.max_steps=$((clock + 5))" --resume
  [[ $code == 0 ]] || { complain "$way, room again midway: exit $code"; cat "$work/out.txt" >&2; }
  train_run "$work/short" --set train.epochs=100000 --set "train.max_steps=$((clock + 5))"
  [[ $(tables_hash "$run") == $(tables_hash "$work/short") ]] || complain "$way, full midway: other tables"
  rm -rf "$work/short"
done

damage() { # damage KIND FILE
  local size
  size=$(stat -c %s "$2")
  case $1 in
    cut) truncate -s $((size / 2)) "$2" ;;
    cut-by-one) truncate -s $((size - 1)) "$2" ;;
    empty) truncate -s 0 "$2" ;;
    flip) printf '\x5a' | dd of="$2" bs=1 seek=$((size / 3)) conv=notrunc 2>/dev/null ;;
    gone) rm "$2" ;;
  esac
}
say "damaged checkpoints"
train_run "$work/two" --servers 2 --set train.max_steps=10 --set checkpoint.keep=5
train_run "$work/two" --servers 2 --set train.max_steps=20 --set checkpoint.keep=5 --resume
[[ -d $work/two/checkpoints/10 && -d $work/two/checkpoints/20 ]] || fail "not the checkpoints 10 and 20"
for kind in cut cut-by-one empty flip gone; do
  for file in server-0.h5 server-1.h5 manifest.json; do
    run=$work/damaged
    rm -rf "$run"
    cp -a "$work/two" "$run"
    damage "$kind" "$run/checkpoints/20/$file"
    way=${ways[$((RANDOM % ${#ways[@]}))]}
    start "$way" --set run.dir="$run" --resume --set checkpoint.keep=5
    [[ $code == 0 ]] || { complain "$way, $kind of $file: exit $code"; cat "$work/out.txt" >&2; }
    grep -q "warning:.*checkpoints/20.*" "$work/out.txt" || { complain "$way, $kind of $file: no warning names it"; cat "$work/out.txt" >&2; }
    same "$run" "$way, $kind of $file"
  done
done
rm -rf "$run"
cp -a "$work/two" "$run"
damage cut "$run/checkpoints/20/server-0.h5"
damage flip "$run/checkpoints/10/server-1.h5"
start embedded --set run.dir="$run" --resume
[[ $code == 65 ]] || complain "no good checkpoint is left: exit $code, not 65"
told "$run.*no checkpoint is undamaged" "no good checkpoint"
conclude
