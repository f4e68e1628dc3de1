#!/usr/bin/env bash
# Every subcommand on a real run: help with an example, exit 0, what it prints and writes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml run=$work/run
has() { # FILE PATTERN WHAT
  grep -qE -- "$2" "$1" || { complain "$3: nothing matches /$2/ in:"; head -n 20 "$1"; }
}

say "help"
quietly "$plateau" --help
for command in train evaluate recommend export inspect runs compare report tune plan launch data fault-proxy; do
  has "$work/quietly.txt" "^ *(plateau )?$command\b" "plateau --help"
done
quietly "$plateau" --version
has "$work/quietly.txt" '[0-9]+\.[0-9]+\.[0-9]+' "plateau --version"
for command in train evaluate recommend export inspect runs compare report tune plan launch data fault-proxy; do
  quietly "$plateau" "$command" --help
  has "$work/quietly.txt" '[Ee]xample' "plateau $command --help"
  has "$work/quietly.txt" "plateau $command" "plateau $command --help"
done

quietly "$plateau" --help
for kind in options models strategies optimizers; do has "$work/quietly.txt" "^ +$kind\b" "plateau --help"; done
for kind in models strategies optimizers; do
  quietly "$plateau" help "$kind"
  cp "$work/quietly.txt" "$work/kind.txt"
  while read -r name; do
    grep -qF "  $name " "$work/kind.txt" || complain "plateau help $kind: $name is not in the list"
    quietly "$plateau" help "$kind" "$name"
    [[ $(head -n 1 "$work/quietly.txt") == "$name: "?* ]] || complain "plateau help $kind $name says nothing of it"
  done < <("$plateau" help "$kind" --names)
done
quietly "$plateau" help models vbpr
has "$work/quietly.txt" '^needs data.features$' "plateau help models vbpr"
has "$work/quietly.txt" '^  model.reg  a number in \[0, inf\), default 0.1$' "plateau help models vbpr"

quietly "$plateau" help mgcn
has "$work/quietly.txt" '^searched by others:$' "plateau help mgcn"
has "$work/quietly.txt" 'model.cl_weight 0.001, 0.01, 0.1; .*MMRec' "plateau help mgcn"
quietly "$plateau" help bm3
has "$work/quietly.txt" '^chosen by searches of ours:$' "plateau help bm3"
quietly "$plateau" help Recall@20
has "$work/quietly.txt" '^  recall@K  the share' "plateau help Recall@20"
quietly "$plateau" help optimizer.lr
has "$work/quietly.txt" '^  optimizer.lr  a number' "plateau help optimizer.lr"
quietly "$plateau" help eval
has "$work/quietly.txt" '^  eval.patience ' "plateau help eval"
quietly "$plateau" help metrics
(($(grep -c '@K  ' "$work/quietly.txt") >= 4)) || complain "plateau help metrics: $(cat "$work/quietly.txt")"
quietly "$plateau" help exit-codes
for code in 0 64 65 69 70 73 74 75; do has "$work/quietly.txt" "^ +$code  [a-z]" "plateau help exit-codes"; done
quietly "$plateau" help train
has "$work/quietly.txt" '^usage: plateau train' "plateau help train, a command and a kind of stage"

say "unknown and missing subcommands"
# exits CODE PATTERN COMMAND...
exits() {
  local want=$1 pattern=$2 code=0
  shift 2
  "$@" >"$work/stdout.txt" 2>"$work/stderr.txt" </dev/null || code=$?
  [[ $code == "$want" ]] || complain "exit $code, expected $want: ${*:2}"
  has "$work/stderr.txt" "$pattern" "${*:2}"
}
exits 64 'tarin.*did you mean.*train' "$plateau" tarin
exits 64 'evalute.*did you mean.*evaluate' "$plateau" evalute "$run"
exits 64 'plateau' "$plateau"
exits 64 '--frobnicate' "$plateau" inspect "$run" --frobnicate
exits 64 '"mirrow".*did you mean mirror\?' "$plateau" help strategies mirrow
exits 64 '--frobnicate' "$plateau" help models --frobnicate
exits 64 'help options' "$plateau" help options vbpr

say "data"
make_data "$data"
[[ -f $data/text_feat.npy && -f $data/image_feat.npy ]] || complain "data synth: features missing"
inter=("$data"/*.inter)
[[ -f ${inter[0]} ]] || complain "data synth: no .inter"
quietly "$plateau" data check "$data"
has "$work/quietly.txt" '300' "data check: users"
has "$work/quietly.txt" 'text' "data check: features"
mkdir "$work/again"
make_data "$work/again/data"
diff -r "$data" "$work/again/data" >/dev/null || complain "data synth: the same seed gives other data"

say "train"
write_config "$config" "$data" "$bsam_plus"
quietly "$plateau" train "$config" --set "run.dir=$run" --set eval.every=1 --servers 2 --workers 2
has "$work/quietly.txt" '[Rr]ecall@20' "train: metric table"
has "$work/quietly.txt" "$run" "train: where the run lies"
for file in config.yaml metrics.jsonl checkpoints/last checkpoints/best; do
  [[ -e $run/$file ]] || complain "train: no $file"
done
compgen -G "$run/logs/*.txt" >/dev/null || complain "train: no logs"
for event in '"step"' '"epoch"' '"eval".*"valid"' '"eval".*"test"' '"final".*"best_epoch"'; do
  has "$run/metrics.jsonl" "\"event\": *$event" "metrics.jsonl"
done
for key in seconds samples_per_s pull_bytes push_bytes sample_s compute_s exchange_s wait_s; do
  has "$run/metrics.jsonl" "\"event\": *\"epoch\".*\"$key\": *[0-9]" "metrics.jsonl, epoch"
done
has "$work/quietly.txt" '^time [0-9.]+ s +sample compute exchange +wait evaluation checkpoint +rest$' "train: where time went"
[[ $(grep -c '"event": *"time"' "$run/metrics.jsonl") == 1 ]] || complain "metrics.jsonl does not have where time went, once"
for consistency in bsp asp; do
  quietly "$plateau" train "$config" --set "run.dir=$work/view" --workers 3 --log-view --set eval.every=1 \
    --set "cluster.consistency=$consistency"
  has "$work/quietly.txt" 'time of 3 workers' "train --log-view"
  for phase in sample compute exchange wait evaluation checkpoint rest total; do
    has "$work/quietly.txt" "^$phase +[0-9.]+ +[0-9.]+ % +[0-9.]+ " "train --log-view"
    has "$work/view/metrics.jsonl" "\"event\": *\"time\", *\"workers\": *3.*\"$phase\": *{\"sum\": *[0-9]" "metrics.jsonl, time"
  done
  has "$work/quietly.txt" '^total.* 100.0 %' "train --log-view"
  rm -rf "$work/view"
done
# The effective configuration reads back to the same run.
quietly "$plateau" train "$run/config.yaml" --set "run.dir=$work/same" --servers 1 --workers 1
[[ $(tables_hash "$work/same") == $(tables_hash "$run") ]] || complain "config.yaml of a run gives other tables"

say "inspect, evaluate, export, recommend"
quietly "$plateau" inspect "$run"
for table in user item proj_w proj_b; do has "$work/quietly.txt" "$table" "inspect"; done
quietly "$plateau" evaluate "$run" --last
has "$work/quietly.txt" '[Nn][Dd][Cc][Gg]@20' "evaluate"
# evaluated USERS [options]: what evaluate prints for a sample of users.
evaluated() { "$plateau" evaluate "$run" --last --json --set "eval.users=$1" "${@:2}" 2>"$work/stderr.txt"; }
evaluated 70 >"$work/sample.txt"
has "$work/sample.txt" '"users": *70, "of_users": *[0-9]{3}' "evaluate, 70 users"
evaluated 70 --set cluster.workers=3 --set cluster.servers=2 | cmp -s - "$work/sample.txt" || complain "a sample of users depends on the cluster"
cmp -s <(evaluated 0) <(evaluated 1000000) || complain "a sample of more users than there are is not all"
[[ $(evaluated 71 | json_number users | head -n 1) == 71 ]] || complain "evaluate, 71 users"
cmp -s <(evaluated 70 | sed 's/"[a-z_]*users": *[0-9]*//g') <(evaluated 0 | sed 's/"[a-z_]*users": *[0-9]*//g') &&
  complain "a sample of users has the metrics of all"
quietly "$plateau" evaluate "$run" --last --set 'data.features=[image_feat.npy, text_feat.npy]'
has "$work/quietly.txt" 'warning: the tables were trained otherwise: data.features: .*image.*, was .*text' "evaluate, other features"
quietly "$plateau" evaluate "$run" --last --set eval.users=70
! grep -q 'trained otherwise' "$work/quietly.txt" || complain "evaluate, 70 users: trained otherwise"
quietly "$plateau" train "$config" --set "run.dir=$work/sampled" --set train.epochs=1 --set eval.users=70 --set eval.final=shift
has "$work/quietly.txt" 'warning: eval.final: shift: data has no such pairs' "train, no shift"
"$plateau" runs "$work/sampled" >"$work/runs.txt"
has "$work/runs.txt" 'sampled: means over eval.users: 70$' "runs"
for final in none valid test both; do
  quietly "$plateau" train "$config" --set "run.dir=$work/final" --set train.epochs=1 --set eval.final=$final
  for part in valid test; do
    if [[ $part == "$final" || $final == both ]]; then want=1; else want=0; fi
    [[ $(grep -c "\"event\": *\"final\".*\"$part\": *{" "$work/final/metrics.jsonl" || true) == "$want" ]] ||
      complain "eval.final=$final: part $part"
  done
  rm -rf "$work/final"
done
quietly "$plateau" export "$run" --last -o "$work/tables"
for table in user item proj_w proj_b; do [[ -f $work/tables/$table.npy ]] || complain "export: no $table.npy"; done
quietly "$plateau" export "$run" --best -o "$work/best"
# Tables go in as they came out.
quietly "$plateau" train "$config" --set "run.dir=$work/init" --set train.epochs=0 --set "init.from=$work/tables"
[[ $(tables_hash "$work/init") == $(tables_hash "$run") ]] || complain "init.from changed the tables"
# More epochs from where it ended: a resumed run may have them.
quietly "$plateau" train "$config" --set "run.dir=$run" --set train.epochs=4 --resume
has "$run/metrics.jsonl" '"event": *"epoch".*"epoch": *3' "train.epochs=4 --resume"

quietly "$plateau" recommend "$run" -o "$work/top.tsv"
has "$work/top.tsv" $'^[0-9]+\t[0-9]+' "recommend"
# user, item of the training part, found by the header
awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
            $column["x_label"] == 0 { print $column["userID"] "\t" $column["itemID"] }' "${inter[0]}" | sort >"$work/seen.txt"
grep -E '^[0-9]+'$'\t' "$work/top.tsv" | cut -f 1,2 | sort >"$work/top.txt"
(($(wc -l <"$work/top.txt") >= 1000)) || complain "recommend: only $(wc -l <"$work/top.txt") rows"
[[ -z $(uniq -d "$work/top.txt") ]] || complain "recommend: an item twice for a user"
[[ -z $(comm -12 "$work/seen.txt" "$work/top.txt") ]] || complain "recommend: training items among the recommended"

conclude
