#!/usr/bin/env bash
# Data as people have it: columns in any order, more columns than needed, LightGCN's two files, no validation part,
# duplicate pairs, packed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
inter=("$data"/*.inter)
write_config "$config" "$data" "$bsam_plus"
train_run "$work/reference"
reference=$(tables_hash "$work/reference")

# pairs AWK-PROGRAM: the interactions as `user item label` through a program.
pairs() {
  awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    { print $column["userID"] "\t" $column["itemID"] "\t" $column["x_label"] }' "${inter[0]}" | awk -F'\t' "$@"
}

say "columns in another order, and more of them"
cp -r "$data" "$work/columns"
pairs 'BEGIN { print "rating\tx_label\titemID\ttimestamp\tuserID" }
       { print "5.0\t" $3 "\t" $2 "\t1234567890\t" $1 }' >"$work/columns/$(basename "${inter[0]}")"
train_run "$work/run" --set "data.path=$work/columns"
[[ $(tables_hash "$work/run") == "$reference" ]] || complain "other tables with the columns in another order"

say "LightGCN's train.txt and test.txt, without a validation part"
mkdir "$work/lightgcn"
for part in train:0 test:2; do
  pairs -v label="${part#*:}" '$3 == label { items[$1] = items[$1] " " $2 }
    END { for (user in items) print user items[user] }' | sort -n >"$work/lightgcn/${part%:*}.txt"
done
cat >"$work/bpr.yaml" <<YAML
data: {path: lightgcn}
model: {name: bpr, dim: 8}
optimizer: {name: adam, lr: 0.01}
train: {epochs: 2, batch_size: 512}
eval: {every: 1, topk: [20]}
YAML
quietly "$plateau" data check "$work/lightgcn"
quietly "$plateau" train "$work/bpr.yaml" --set "run.dir=$work/lightgcn-run"
grep -qi 'validation' "$work/quietly.txt" || complain "nothing said about the missing validation part"
grep -q '"event": *"final".*"test"' "$work/lightgcn-run/metrics.jsonl" || complain "no test metrics without validation"

say "duplicate pairs: a warning, kept"
cp -r "$data" "$work/duplicates"
pairs 'BEGIN { print "userID\titemID\tx_label" } { print } $3 == 0 && n++ < 3 { print }' \
  >"$work/duplicates/$(basename "${inter[0]}")"
quietly "$plateau" data check "$work/duplicates"
grep -qiE '\b3\b.*duplicate|duplicate.*\b3\b' "$work/quietly.txt" || complain "data check: 3 duplicates not counted"
quietly "$plateau" train "$config" --set "run.dir=$work/duplicates-run" --set "data.path=$work/duplicates"
grep -qi 'duplicate' "$work/quietly.txt" || complain "train: no warning of duplicates"

say "a user who has all items: left out with a warning, or refused"
mkdir "$work/full" "$work/without"
pairs 'BEGIN { print "userID\titemID\tx_label" } $1 != 7 { print }' >"$work/without/without.inter"
{ cat "$work/without/without.inter"; for ((i = 0; i < 200; i++)); do printf '7\t%d\t0\n' "$i"; done; } >"$work/full/full.inter"
sed -e "s|path: .*|path: $work/full|" -e '/features:/d' -e 's/name: vbpr/name: bpr/' "$config" >"$work/full.yaml"
quietly "$plateau" train "$work/full.yaml" --set "run.dir=$work/full-run"
grep -q 'warning: .*1 users, user 7 first, have all 200 training items' "$work/quietly.txt" || complain "a full user: no warning"
quietly "$plateau" train "$work/full.yaml" --set "run.dir=$work/full-three" --workers 3 --servers 2
[[ $(tables_hash "$work/full-run") == $(tables_hash "$work/full-three") ]] || complain "a full user: other bits on a cluster"
pairs_of() { grep '"event": *"epoch"' "$1/metrics.jsonl" | head -n 1 | json_number gradients; }
quietly "$plateau" train "$work/full.yaml" --set "run.dir=$work/without-run" --set "data.path=$work/without"
[[ $(pairs_of "$work/full-run") == $(pairs_of "$work/without-run") ]] || complain "a full user: her pairs are trained on"
code=0
"$plateau" train "$work/full.yaml" --set "run.dir=$work/refused" --set data.full_users=error >"$work/out.txt" 2>&1 || code=$?
[[ $code == 65 ]] && grep -q 'error: .*user 7 has all 200 training items' "$work/out.txt" || complain "data.full_users=error: exit $code"
mkdir "$work/dense"
printf 'userID\titemID\tx_label\n0\t0\t0\n0\t1\t1\n1\t0\t0\n' >"$work/dense/dense.inter"
quietly "$plateau" data check "$work/dense"
grep -q 'dense.inter: every user has all 1 training items: models that draw' "$work/quietly.txt" || complain "data check: every user is full"
quietly "$plateau" data check "$work/full"
grep -q 'user 7 has all 200 training items' "$work/quietly.txt" || complain "data check: a full user is not told of"

say "pairs that are asked for and trained on: train says so"
cp -r "$work/without" "$work/leaking"
read -r user item _ < <(awk -F '\t' 'NR > 1 && $3 == 0 { print $1, $2; exit }' "$work"/without/*.inter)
printf '%s\t%s\t2\n' "$user" "$item" >>"$(echo "$work"/leaking/*.inter)"
quietly "$plateau" train "$work/full.yaml" --set "run.dir=$work/leaking-run" --set "data.path=$work/leaking"
grep -q "warning: .* 1 test pairs, user $user and item $item first, are training pairs, too" "$work/quietly.txt" ||
  { complain "a leak: train says nothing"; cat "$work/quietly.txt" >&2; }

say "headers of other tools: what they are, and how to mend it"
mkdir "$work/foreign"
foreign() { # HEADER PATTERN
  printf '%b\n0 0 0\n' "$1" >"$work/foreign/foreign.inter"
  code=0
  "$plateau" data check "$work/foreign" >"$work/out.txt" 2>&1 || code=$?
  [[ $code == 65 ]] && grep -q "$2" "$work/out.txt" || { complain "header \"$1\": exit $code"; cat "$work/out.txt" >&2; }
  ! grep -qP '[^\x09\x0a\x20-\x7e]' "$work/out.txt" || complain "header \"$1\": raw bytes on the terminal"
}
foreign 'userID itemID x_label' 'no tab in it: columns separated by spaces? `plateau data import` reads that'
foreign 'userID,itemID,x_label' 'no tab in it: columns separated by commas? `plateau data import` reads that'
foreign 'user_id:token\titem_id:token' "RecBole's: .plateau data import. reads its files"
foreign '\033[31muser\001\titem' 'no column userID'

say "packed: the same bits, for one process, several workers and ranks"
cp -r "$data" "$work/packed"
quietly "$plateau" data pack "$work/packed"
pack=("$work"/packed/*.pack)
[[ -f ${pack[0]} ]] || fail "data pack wrote nothing"
# same_packed NAME [options]: $config, from the text and packed.
same_packed() {
  local name=$1
  shift
  train_run "$work/text-$name" "$@"
  train_run "$work/packed-$name" --set "data.path=$work/packed" "$@"
  [[ $(tables_hash "$work/text-$name") == $(tables_hash "$work/packed-$name") ]] ||
    complain "$name: other tables from packed interactions"
  diff <(losses_of "$work/text-$name") <(losses_of "$work/packed-$name") >/dev/null || complain "$name: other losses"
}
same_packed vbpr --set eval.every=1
train_run "$work/run-path" --set "data.path=${pack[0]}" --servers 2 --workers 3
[[ $(tables_hash "$work/run-path") == "$reference" ]] || complain "several workers, by the path of the file: other tables"
if command -v mpirun >/dev/null; then
  quietly ranks 3 train "$config" --set "run.dir=$work/run-ranks" --set "data.path=$work/packed"
  [[ $(tables_hash "$work/run-ranks") == "$reference" ]] || complain "mpirun: other tables"
fi
same_packed bpr --set model.name=bpr --set 'data.features=[]' --set strategy.name=plain
same_packed ultragcn --set model.name=ultragcn --set strategy.name=plain
cp "$config" "$work/kept.yaml"
as_lightgcn "$config"
same_packed lightgcn --set eval.every=1
if command -v mpirun >/dev/null; then
  quietly ranks 3 train "$config" --set "run.dir=$work/graph-ranks" --set "data.path=$work/packed"
  [[ $(tables_hash "$work/graph-ranks") == $(tables_hash "$work/text-lightgcn") ]] || complain "mpirun: other tables"
  ! compgen -G "$work/graph-ranks/cache/graph-*" >/dev/null || complain "the packed graph was built once more"
fi
cp "$work/kept.yaml" "$config"
same_packed freedom --set model.name=freedom --set strategy.name=plain --set model.layers=1

say "packed: data of their own, changed texts, damage"
quietly "$plateau" data check "$work/packed"
"$plateau" data synth "$work/digits" --users 30 --items 20 --interactions 100 --noise 0.12345678901 >/dev/null
grep -q -e ' --noise 0.12345678901 ' "$work/digits/README.txt" || complain "data synth: README.txt has another command"
"$plateau" data split "$work/digits" -o "$work/split" --shift popularity --valid 0.12345678901 >/dev/null 2>&1
grep -q -e ' --valid 0.12345678901 --test 0.1 ' "$work/split/README.txt" || complain "data split: README.txt has another command"
quietly "$plateau" data synth "$work/invented" --users 300 --items 200 --interactions 4000 --modalities text:16,image:8 \
  --seed 1 --pack
train_run "$work/run-invented" --set "data.path=$work/invented"
[[ $(tables_hash "$work/run-invented") == "$reference" ]] || complain "data synth --pack: other tables"
quietly "$plateau" data check "$work/invented"
refused() { # PATTERN COMMAND...: it fails with 65 and says so in one line; data check tells on standard output
  local pattern=$1 code=0
  shift
  "$@" >"$work/out.txt" 2>&1 </dev/null || code=$?
  ((code == 65)) || complain "exit $code instead of 65: $*"
  grep -qE "$pattern" "$work/out.txt" || { complain "no \"$pattern\": $*"; cat "$work/out.txt"; }
}
printf '0\t1\t0\n' >>"$work/packed/$(basename "${inter[0]}")"
refused 'has changed since it was packed; pack it again' "$plateau" train "$config" --set "data.path=$work/packed"
refused 'has changed since it was packed' "$plateau" data check "$work/packed"
quietly "$plateau" data pack "$work/packed"
train_run "$work/run-again" --set "data.path=$work/packed"
pack=("$work"/invented/*.pack)
printf 'x' | dd of="${pack[0]}" bs=1 seek=5000 conv=notrunc status=none
refused 'damaged, its arrays have another checksum' "$plateau" train "$config" --set "data.path=$work/invented"
refused 'damaged, its arrays have another checksum' "$plateau" data check "$work/invented"
truncate -s 5000 "${pack[0]}"
refused 'cut short' "$plateau" train "$config" --set "data.path=$work/invented"
refused 'is packed already' "$plateau" data pack "$work/invented" --interactions "$(basename "${pack[0]}")"

conclude
