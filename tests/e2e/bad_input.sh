#!/usr/bin/env bash
# What a user can get wrong: each fault gives its exit code and one clear line, and loses nothing.
# Codes: 64 usage or configuration, 65 data, 73 cannot create, 74 disk.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
inter=$(basename "$data"/*.inter)
cases=0

# refuses CODE PATTERN COMMAND...: exit code and a line of stderr ($told: or stdout) that matches; $error_lines errors
# (default 1), and nothing on stderr that is not ours.
refuses() {
  local want=$1 pattern=$2 code=0 lines foreign
  shift 2
  cases=$((cases + 1))
  timeout 120 "$@" >"$work/stdout.txt" 2>"$work/stderr.txt" </dev/null || code=$?
  lines=$(grep -c '^plateau: error: ' "$work/stderr.txt" || true)
  foreign=$(grep -vE '^$|^plateau: |^epoch +[0-9]+ ' "$work/stderr.txt" || true)
  if [[ ! $code =~ ^($want)$ ]]; then
    complain "exit $code, expected $want: ${*:2}"
  elif ! grep -qE -- "$pattern" "$work/${told:-stderr}.txt"; then
    complain "no line matches /$pattern/: ${*:2}"
  elif [[ $lines != "${error_lines:-1}" ]]; then
    complain "$lines errors, expected ${error_lines:-1}: ${*:2}"
  elif [[ -n $foreign ]]; then
    complain "lines on stderr that are not ours: ${*:2}"
  else
    return 0
  fi
  sed 's/^/    /' "$work/stderr.txt" | head -n 10
}
# bad_set CODE PATTERN KEY=VALUE...: the good configuration with these settings.
bad_set() {
  local want=$1 pattern=$2 settings=() assignment
  shift 2
  for assignment in "$@"; do settings+=(--set "$assignment"); done
  refuses "$want" "$pattern" "$plateau" train "$config" --set "run.dir=$work/bad/$cases" "${settings[@]}"
}
# bad_edit CODE PATTERN SED...: the good configuration edited by sed.
bad_edit() {
  local want=$1 pattern=$2
  shift 2
  sed "$@" "$config" >"$work/edited.yaml"
  refuses "$want" "$pattern" "$plateau" train "$work/edited.yaml" --set "run.dir=$work/bad/$cases"
}

say "configuration"
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*model\.dmi.*did you mean.*model\.dim' -e 's/dim: 8/dmi: 8/'
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*train\.batch_size.*4x' -e 's/batch_size: 512/batch_size: 4x/'
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*optimizer\.lr.*0\.1\.2' -e 's/lr: 0.01/lr: 0.1.2/'
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*strategy\.rho' -e 's/rho: 0.1/rho: -0.1/'
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*strategy\.rho' -e 's/rho: 0.1/rho: .nan/'
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*strategy\.lambda' -e 's/lambda: 0.5/lambda: 1.5/'
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*model\.name.*vbrp.*vbpr' -e 's/name: vbpr/name: vbrp/'
bad_edit 64 'edited\.yaml:[0-9]+' -e 's/epochs: 3/epochs: [3/'
bad_edit 64 'edited\.yaml:[0-9]+:[0-9]+: .*twice|duplicate' -e 's/  epochs: 3/  epochs: 3\n  epochs: 4/'
bad_edit 64 'train\.epochs' -e 's/epochs: 3/epochs: [3, 4]/'
error_lines=2 bad_edit 64 'train\.epochs.*three' -e 's/epochs: 3/epochs: three/; s/batch_size: 512/batch_size: 0/'
bad_set 64 'strategy\.name.*bsam' strategy.name=bsamm
refuses 64 'error: command line: cluster\.workers: 0 must be' "$plateau" train "$config" --workers 0
bad_set 64 'optimizer\.name.*adam' optimizer.name=adan
bad_set 64 'cluster\.transport.*(ipc|tcp)' cluster.transport=udp
bad_set 64 'cluster\.proxy.*HOST:PORT' cluster.proxy=127.0.0.1
bad_set 64 'cluster\.proxy.*tcp, not ipc' cluster.proxy=127.0.0.1:9 cluster.transport=ipc
bad_set 75 'cluster\.proxy: cannot connect to 127\.0\.0\.1:1' cluster.proxy=127.0.0.1:1
refuses 64 'fault-proxy: needs a script' "$plateau" fault-proxy
echo 'dorp: 0.1' >"$work/faults.yaml"
refuses 64 'faults\.yaml:1:7: dorp.*did you mean drop' "$plateau" fault-proxy "$work/faults.yaml"
echo 'to_server: {drop: 2}' >"$work/faults.yaml"
refuses 64 'faults\.yaml:1:19: to_server\.drop.*\[0, 1\]' "$plateau" fault-proxy "$work/faults.yaml"
refuses 64 '--listen: .*numeric' "$plateau" fault-proxy "$work/faults.yaml" --set to_server.drop=0 --listen nowhere:80
bad_set 64 'train\.batch_size' train.batch_size=0
bad_set 64 'train\.batch_size.*99999999999999999999' train.batch_size=99999999999999999999
bad_set 64 'train\.epochs' train.epochs=-1
bad_set 64 'model\.dim' model.dim=0
bad_set 64 'eval\.topk' 'eval.topk=[0]'
bad_set 64 'alpha' strategy.name=mirror strategy.alpha1=0.2 strategy.alpha2=0.3
bad_set 64 'strategy\.beta' strategy.name=mirror strategy.beta=0
bad_set 64 'weight_decay.*(adamw|sweep)' optimizer.weight_decay=0.1
bad_set 64 'trian\.epochs.*did you mean.*train\.epochs' trian.epochs=3
bad_set 64 'nonsense' nonsense
refuses 64 'absent\.yaml' "$plateau" train "$work/absent.yaml"
refuses 64 'CONFIG|configuration' "$plateau" train
refuses 64 'servers' "$plateau" train "$config" --servers 0
refuses 64 'workers' "$plateau" train "$config" --workers 4x
refuses 64 '--wrokers' "$plateau" train "$config" --wrokers 4
refuses 64 'run\.dir' "$plateau" train "$config" --resume
bad_set 64 'init\.missing' init.missing=perhaps
bad_set 64 'no value behind' strategy.rho=
bad_set 64 'did you mean optimizer.lr\?' learning_rate=0.1
bad_set 64 'did you mean model.dim\?' model.embedding_size=8
bad_set 64 'did you mean eval.patience\?' train.stopping_step=8
bad_set 64 'dim: .*whole number' model.dim=1,3
bad_set 64 'eval.metric: "recall@20"' eval.topk=1,3 eval.metric=recall@20
printf 'model:\n\tname: bpr\n' >"$work/tab.yaml"
refuses 64 'tab.yaml:2:1: a tab: YAML indents' "$plateau" train "$work/tab.yaml"
refuses 64 'export: the word behind "-o" is empty' "$plateau" export "$work/absent" -o ""
refuses 64 'train: the word behind "train" is empty' "$plateau" train "" --quiet
refuses 64 'no command "worke" ' "$plateau" worke
bad_set '6[45]' 'absent' init.from="$work/absent"

say "a start that failed is no run: the same command, mended"
code=0
mkdir "$work/no-tables"
: >"$work/no-tables/other.npy"
"$plateau" train "$config" --quiet --set "run.dir=$work/again" --set "init.from=$work/no-tables" >"$work/out.txt" 2>&1 || code=$?
[[ $code == 65 && -s $work/again/logs/launcher-0.txt ]] || complain "init.from=empty: exit $code, or no log is left"
refuses 64 'neither a configuration nor a run' "$plateau" train "$work/again" --resume
quietly "$plateau" train "$config" --quiet --set "run.dir=$work/again" --set train.epochs=1
refuses 64 'holds a run already' "$plateau" train "$config" --quiet --set "run.dir=$work/again" --set "init.from=$work/no-tables"
[[ -s $work/again/config.yaml ]] || complain "a refused start takes a run's configuration away"

say "procedures"
stage='stage: train, model: {name: bpr}'
vbpr='stage: train, name: vbpr, model: {name: vbpr, dim: 8}'
bad_set 64 'procedure: expected a list of mappings' procedure=3
bad_set 64 'procedure: expected a list of mappings' 'procedure=[]'
bad_set 64 'procedure: expected a list of mappings' 'procedure=[3]'
bad_set 64 'procedure\.0\.model\.name: expected a choice' 'procedure=[{stage: train, model: {name: [1]}}]'
bad_set 64 'procedure\.0\.model\.dmi: .*did you mean model\.dim' 'procedure=[{stage: train, model: {dmi: 4}}]'
bad_set 64 'procedure\.0\.stage: .*did you mean train' 'procedure=[{stage: trian}]'
bad_set 64 'procedure\.0: stage is not given' 'procedure=[{name: a}]'
bad_set 64 'procedure\.0\.name: .*letters, digits' 'procedure=[{stage: train, name: a/b}]'
bad_set 64 'procedure\.0 and procedure\.1 are both called train' "procedure=[{$stage}, {$stage}]"
bad_set 64 'procedure\.0\.cluster\.workers: is of the whole run' 'procedure=[{stage: train, cluster: {workers: 2}}]'
bad_set 64 'frozen: .*no table usr.*did you mean user' "procedure=[{$stage, frozen: [usr]}]"
bad_set 64 'freezes table user, but no stage before' "procedure=[{$stage, frozen: [user]}]"
bad_set 64 'procedure\.1: stage vbpr has table user .*name it in fresh' "procedure=[{$stage}, {$vbpr}]"
bad_set 64 'procedure\.0: a loop needs stages' 'procedure=[{repeat: 3}]'
bad_set 64 'procedure\.0: repeat is not given' "procedure=[{stages: [{$stage}]}]"
bad_set 64 'procedure\.0\.repeat: .*\[1, 10000\]' "procedure=[{repeat: 0, stages: [{$stage}]}]"
bad_set 64 'a loop in a loop' "procedure=[{repeat: 2, stages: [{repeat: 2, stages: [{$stage}]}]}]"
bad_set 64 'optimizer\.tables: model vbpr has no table usr' 'optimizer.tables={usr: {lr: 1}}'
bad_set 64 'optimizer\.tables: no stage has a table usr' 'optimizer.tables={usr: {lr: 1}}' "procedure=[{$stage}, {$vbpr}]"
bad_set 64 'optimizer\.tables\.user\.name: .*did you mean adam' 'optimizer.tables={user: {name: adan}}'
bad_set 64 'optimizer\.tables\.user\.clip_norm: is of all tables' 'optimizer.tables={user: {clip_norm: 3}}'
bad_set 64 'optimizer\.tables\.user: expected a mapping' 'optimizer.tables={user: 3}'

say "data"
# npy FILE ROWS COLS [ORDER]: float32 zeros; data begin at byte 128.
npy() {
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' \
    "{'descr': '<f4', 'fortran_order': ${4:-False}, 'shape': ($2, $3), }" >"$1"
  head -c $(($2 * $3 * 4)) /dev/zero >>"$1"
}
# bad_data CODE PATTERN EDIT: a copy of the good data after the shell command EDIT in it; train refuses it.
bad_data() {
  rm -rf "$work/broken"
  cp -r "$data" "$work/broken"
  (cd "$work/broken" && eval "$3")
  bad_set "$1" "$2" "data.path=$work/broken"
}
# The same, and `data check` lists it in its report.
bad_check() {
  bad_data "$@"
  told=stdout refuses "$1" "$2" "$plateau" data check "$work/broken"
}
bad_set 65 'nowhere' "data.path=$work/nowhere"
bad_set 65 'other\.inter' data.interactions=other.inter
bad_set 65 'audio_feat\.npy' 'data.features=[audio_feat.npy]'
bad_set '6[45]' 'features' 'data.features=[]'
bad_check 65 "$inter:4: .*(999999999999|id|range)" 'sed -i "4s/^[0-9]*/999999999999/" "$inter"'
bad_check 65 "$inter:5: .*-3" 'sed -i "5s/^[0-9]*/-3/" "$inter"'
bad_check 65 "$inter:6: .*1x" 'sed -i "6s/^[0-9]*/1x/" "$inter"'
bad_check 65 "$inter:7: " 'sed -i "7s/\t.*//" "$inter"'
bad_check 65 "$inter.*(userID|itemID|x_label)" 'sed -i "1s/itemID/item/" "$inter"'
bad_check 65 "$inter" ': >"$inter"'
bad_check 65 'train' 'awk -F"\t" -v OFS="\t" "NR == 1 { for (i = 1; i <= NF; i++) if (\$i == \"x_label\") c = i }
                       NR > 1 { \$c = 2 } { print }" "$inter" >t && mv t "$inter"'
bad_check 65 "$inter:8: .*9" 'awk -F"\t" -v OFS="\t" "NR == 1 { for (i = 1; i <= NF; i++) if (\$i == \"x_label\") c = i }
                       NR == 8 { \$c = 9 } { print }" "$inter" >t && mv t "$inter"'
bad_data 65 'text_feat\.npy' 'rm text_feat.npy'
bad_check 65 'text_feat\.npy' 'truncate -s -100 text_feat.npy'
bad_check 65 'text_feat\.npy' 'truncate -s 20 text_feat.npy'
bad_check 65 'text_feat\.npy' ': >text_feat.npy'
bad_check 65 'text_feat\.npy' 'echo not an array at all >text_feat.npy'
bad_check 65 'text_feat\.npy.*(100|rows)' 'npy text_feat.npy 100 16'
bad_check 65 'text_feat\.npy.*Fortran' 'npy text_feat.npy 200 16 True'
# A NaN in column 3 of row 17.
bad_check 65 'text_feat\.npy.*(NaN|nan|finite).*17|text_feat\.npy.*17.*(NaN|nan|finite)' \
  'npy text_feat.npy 200 16; printf "\x00\x00\xc0\x7f" | dd of=text_feat.npy bs=1 seek=$((128 + (17 * 16 + 3) * 4)) conv=notrunc status=none'
# The helper itself is sound: zeros are accepted.
npy "$work/zero_feat.npy" 200 16
quietly "$plateau" train "$config" --set "run.dir=$work/zeros" --set train.max_steps=1 \
  --set "data.features=[$work/zero_feat.npy]"
# Names of modalities that end up as one name of a table.
long=$work/$(printf 'x%.0s' {1..60})
npy "${long}1_feat.npy" 200 16
npy "${long}2_feat.npy" 200 16
bad_set 64 'model slmrec would have two tables trs_w_x{57}: ' 'model={name: slmrec}' "data.features=[${long}1_feat.npy, ${long}2_feat.npy]"
# A user with every item has no negative left.
bad_data 65 'user.* 0|negative' 'head -n 1 "$inter" >t; awk -F"\t" -v OFS="\t" "NR == 1 { for (i = 1; i <= NF; i++) c[\$i] = i; n = NF }
  NR == 2 { for (i = 0; i < 200; i++) { \$c[\"userID\"] = 0; \$c[\"itemID\"] = i; \$c[\"x_label\"] = 0; print } }" "$inter" >>t; mv t "$inter"'

say "models"
bad_set 64 'data\.features .*models without: bpr, lightgcn' model.name=dragon 'data.features=[]'
bad_set 64 'model\.dim: slmrec .* 7 columns; 8 would fit' model.name=slmrec model.dim=7
bad_set 64 'slmrec takes at most 2' model.name=slmrec "data.features=[text_feat.npy, image_feat.npy, $work/zero_feat.npy]"
for model in grcn lgmrec; do
  bad_set 64 "model\\.fanout: $model takes all neighbours, exact: " "model.name=$model" 'model.fanout=[5, 5]'
done
quietly "$plateau" train "$config" --set "run.dir=$work/exact" --set model.name=grcn --set train.max_steps=1 --workers 2
grep -q 'grcn takes no fan-out, so each leaf .* one worker with more threads' "$work/quietly.txt" || complain "grcn: leaves"
! grep -q 'with a fan-out only' "$work/quietly.txt" || complain "grcn: is told to take a fan-out"
bad_set 64 'model\.fanout has 1 entry, and model\.layers is 2' model.name=mgcn 'model.fanout=[5]'
bad_set 64 'model\.layers: 9 ' model.name=mgcn model.layers=9
bad_set 64 'model\.latent: .*no modality "imag"; there are text, image' model.name=mmgcn 'model.latent={imag: 5}'
bad_set 64 'model\.latent: expected a mapping' model.name=mmgcn 'model.latent=[5, 3, 2]'
bad_set 64 'model\.segments: .*no modality "imag"; there are text, image' model.name=mgcn 'model.segments=[text, imag]'
bad_set 64 'model\.segments: text stands there twice' model.name=dragon 'model.segments=[text, text]'
bad_set 64 'model\.segments: image is left out' model.name=dragon 'model.segments=[text]'
bad_set 64 'item_graph_weights: .*no modality "sound"' model.name=dragon 'model.item_graph_weights={sound: 1}'
mkdir "$work/alone" # each user has items of her own
awk 'BEGIN { print "userID\titemID\tx_label"; for (i = 0; i < 200; i++) print int(i / 2) "\t" i "\t0" }' >"$work/alone/alone.inter"
cp "$data"/*_feat.npy "$work/alone"
bad_set 65 'no two users have a training item in common, .*would fit' model.name=dragon "data.path=$work/alone"
bad_set 65 'no two users have a training item in common, .*would fit' model.name=dualgnn "data.path=$work/alone"
cp -r "$data" "$work/zeros-of-some"
head -c 64 /dev/zero | dd of="$work/zeros-of-some/text_feat.npy" bs=1 seek=$((128 + 3 * 64)) conv=notrunc status=none
bad_set 65 'text: the cosines of item 3 .*: its row is 0; give it features' model.name=mgcn "data.path=$work/zeros-of-some"
for ((c = 0; c < 16; c++)); do printf '\x00\x00\xc0\x7f'; done |
  dd of="$work/zeros-of-some/text_feat.npy" bs=1 seek=$((128 + 3 * 64)) conv=notrunc status=none
bad_set 65 'text: the cosines of item 3 .*data\.scale: standard makes its row 0, .*take unit' \
  model.name=mgcn "data.path=$work/zeros-of-some" data.scale=standard

# As many samples as make rows of contrasts with all nodes that no machine holds.
large=(model.name=lgmrec train.batch_size=16777216 train.micro_batch=16777216 model.dim=64)
bad_set 64 'worker of lgmrec needs about [0-9.]+ GB .* train\.micro_batch: [0-9]+ would fit' "${large[@]}"
refuses 64 'of lgmrec needs about .* would fit' "$plateau" plan "$config" "${large[@]/#/--set=}"

say "replay"
# ids N...: an int32 array [1, N / 3, 3].
ids() {
  local id
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<i4', 'fortran_order': False, 'shape': (1, $(($# / 3)), 3), }"
  for id; do printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((id & 255)) $((id >> 8 & 255)) $((id >> 16 & 255)) $((id >> 24 & 255)))"; done
}
replay=(train.batch_size=3 train.micro_batch=3 "train.replay=$work/replay.npy")
ids 1 2 3 -1 -1 -1 4 5 6 >"$work/replay.npy"
bad_set 65 'batch 0, sample 2: 4 stands behind a sample of -1' "${replay[@]}"
ids 1 2 3 -1 -1 -1 >"$work/replay.npy"
bad_set 65 'replay file is .*\[batches, 3, 3\].* whole numbers, 3 dimensions, 6 a batch' "${replay[@]}"

say "runs that exist, runs that do not"
train_run "$work/run" --set train.max_steps=3
before=$(tables_hash "$work/run")
refuses 64 'resume' "$plateau" train "$config" --set "run.dir=$work/run"
refuses 64 'model\.name' "$plateau" train "$config" --set "run.dir=$work/run" --set model.name=bpr --resume
refuses 64 'optimizer\.clip_norm' "$plateau" train "$config" --set "run.dir=$work/run" --set optimizer.clip_norm=0.5 --resume
refuses 64 'is a run: --resume' "$plateau" train "$work/run"
refuses 64 'without a config' "$plateau" train "$data" --resume
[[ $(tables_hash "$work/run") == "$before" ]] || complain "a refused command changed the run"
for command in evaluate recommend inspect; do
  refuses '6[45]' 'absent' "$plateau" "$command" "$work/absent"
done
refuses '6[45]' 'absent' "$plateau" export "$work/absent" -o "$work/out"
refuses 64 '-o' "$plateau" export "$work/run"
mkdir "$work/empty"
refuses '6[45]' 'empty' "$plateau" evaluate "$work/empty"

say "places that cannot be written"
: >"$work/file"
bad_set 73 "file" "run.dir=$work/file/run"
refuses 64 'one of the two' "$plateau" evaluate "$work/run" --best --last
refuses 73 "file" "$plateau" export "$work/run" -o "$work/file/out"
refuses 73 "file" "$plateau" data synth "$work/file/data" --users 10 --items 10 --interactions 50

say "a loss that is not finite"
nan=(--set "run.dir=$work/nan" --set optimizer.name=sgd --set optimizer.lr=1e30)
quietly "$plateau" train "$config" "${nan[@]}" --set train.max_steps=1
before=$(tables_hash "$work/nan")
refuses 65 'step.*batch.*bsam\+|bsam\+.*step.*batch|batch.*bsam\+' \
  "$plateau" train "$config" "${nan[@]}" --resume
[[ $(tables_hash "$work/nan") == "$before" ]] || complain "the last good checkpoint is not kept"
refuses 65 'finite|nan|NaN' "$plateau" train "$config" "${nan[@]/nan/nan2}" --servers 2 --workers 3

say "a damaged checkpoint"
train_run "$work/whole"
reference=$(tables_hash "$work/whole")
# two_checkpoints RUN: stopped after steps 3 and 6; $newest is the directory of the second.
two_checkpoints() {
  train_run "$1" --set train.max_steps=3
  train_run "$1" --set train.max_steps=6 --resume
  newest=$(readlink -f "$1/checkpoints/last")
}
flip_byte() { # FILE OFFSET
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf '%b' "$(printf '\\x%02x' $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
recovers() { # NAME RUN: resumes from the checkpoint before, warns, ends with the right tables
  local code=0
  "$plateau" train "$config" --set "run.dir=$2" --resume >"$work/stdout.txt" 2>"$work/stderr.txt" </dev/null || code=$?
  ((code == 0)) || { complain "$1: exit $code"; cat "$work/stderr.txt"; return 0; }
  grep -q 'warning: .*checkpoints/' "$work/stderr.txt" || complain "$1: no warning"
  [[ $(tables_hash "$2") == "$reference" ]] || complain "$1: other tables"
}
two_checkpoints "$work/flipped"
[[ $newest != "$work/flipped/checkpoints/last" ]] || complain "checkpoints/last is no link"
flip_byte "$newest/server-0.h5" $(($(stat -c %s "$newest/server-0.h5") / 2))
refuses 65 'server-0\.h5' "$plateau" export "$work/flipped" --last -o "$work/out"
recovers "byte flipped" "$work/flipped"

two_checkpoints "$work/truncated"
truncate -s -1 "$newest/server-0.h5"
recovers "file truncated" "$work/truncated"

two_checkpoints "$work/manifest"
truncate -s 10 "$newest/manifest.json"
recovers "manifest truncated" "$work/manifest"

two_checkpoints "$work/absent-part"
rm "$newest/server-0.h5"
recovers "part missing" "$work/absent-part"

two_checkpoints "$work/none"
for part in "$work"/none/checkpoints/*/server-0.h5; do
  [[ -L $(dirname "$part") ]] || truncate -s 100 "$part"
done
refuses 65 'checkpoint' "$plateau" train "$config" --set "run.dir=$work/none" --resume

say "a full disk"
mkdir "$work/small"
if [[ $(id -u) == 0 ]] && mount -t tmpfs -o size=16m plateau-test "$work/small" 2>/dev/null; then
  at_end+=("umount -l $work/small")
  train_run "$work/small/run" --set train.max_steps=3
  before=$(tables_hash "$work/small/run")
  dd if=/dev/zero of="$work/small/filler" bs=4k status=none 2>/dev/null || true
  refuses 74 'space' "$plateau" train "$config" --set "run.dir=$work/small/run" --resume
  [[ $(tables_hash "$work/small/run") == "$before" ]] || complain "full disk: the checkpoint before is lost"
  rm "$work/small/filler"
  train_run "$work/small/run" --resume
  [[ $(tables_hash "$work/small/run") == "$reference" ]] || complain "full disk: other tables after resuming"
  dd if=/dev/zero of="$work/small/filler" bs=4k status=none 2>/dev/null || true
  refuses 74 'space' "$plateau" export "$work/whole" --last -o "$work/small/out"
else
  say "skipped: needs root and mount"
fi

say "$cases cases"
conclude
