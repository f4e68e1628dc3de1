#!/usr/bin/env bash
# Distribution shift as people have it: folders split anew, planted data, a shifted part beside validation and test in
# what training and evaluation tell; and what can be got wrong with them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data
make_data "$data"
inter=$(basename "$data"/*.inter)

# count LABEL FILE: rows of a part.
count() { awk -F'\t' -v label="$1" 'NR > 1 && $3 == label { n++ } END { print n + 0 }' "$2"; }

say "data split: all pairs once, features beside them, the same for the same seed"
split=("$plateau" data split "$data" --shift popularity)
quietly "${split[@]}" -o "$work/shifted"
[[ -f $work/shifted/$inter && -f $work/shifted/README.txt ]] || fail "data split: no $inter, no README.txt"
diff <(tail -n +2 "$data/$inter" | cut -f 1,2 | sort -u) <(tail -n +2 "$work/shifted/$inter" | cut -f 1,2 | sort) >/dev/null ||
  complain "data split: other pairs"
[[ $work/shifted/text_feat.npy -ef $data/text_feat.npy ]] || complain "data split: features are no links"
for label in 1 2 3; do [[ $(count $label "$work/shifted/$inter") == 400 ]] || complain "data split: part $label"; done
grep -qE 'shift +400 ' "$work/quietly.txt" || complain "data split: the shift is not told of"
! grep -q 'warning' "$work/quietly.txt" || complain "data split: a warning without a reason"
quietly "$plateau" data check "$work/shifted"
grep -qE 'shift pairs +400 ' "$work/quietly.txt" || complain "data check: no shift pairs"
"$plateau" data check "$work/shifted" --json | grep -q '"shift": *400' || complain "data check --json: no shift pairs"
quietly "${split[@]}" -o "$work/again" --seed 1
cmp -s "$work/shifted/$inter" "$work/again/$inter" || complain "data split: the same seed gives other parts"
quietly "${split[@]}" -o "$work/again" --seed 2 --force
! cmp -s "$work/shifted/$inter" "$work/again/$inter" || complain "data split: another seed gives the same parts"
[[ $work/again/text_feat.npy -ef $data/text_feat.npy && -z $(compgen -G "$work/again/*.tmp") ]] || complain "--force: features"

say "data split: of packed data, of LightGCN's files, of a split; what falls short"
cp -r "$data" "$work/packed"
quietly "$plateau" data pack "$work/packed"
rm "$work/packed/$inter"
quietly "$plateau" data split "$work/packed" --shift popularity -o "$work/from-pack"
cmp -s "$work/shifted/$inter" "$work/from-pack/$inter" || complain "data split: packed interactions give other parts"
mkdir "$work/lightgcn"
awk -F'\t' 'NR > 1 { items[$1] = items[$1] " " $2 } END { for (user in items) print user items[user] }' "$data/$inter" >"$work/lightgcn/train.txt"
printf '0 0\n' >"$work/lightgcn/test.txt"
quietly "$plateau" data split "$work/lightgcn" --shift popularity -o "$work/from-lightgcn"
[[ -f $work/from-lightgcn/lightgcn.inter ]] || complain "data split: no lightgcn.inter"
quietly "$plateau" data split "$work/again" --shift popularity -o "$work/from-split"
cmp -s "$work/shifted/$inter" "$work/from-split/$inter" || complain "data split: old labels count"
quietly "${split[@]}" -o "$work/short" --keep-user 1000
grep -qE 'warning: the shift part has [0-9]+ pairs instead of 400' "$work/quietly.txt" || complain "data split: no warning of a short part"
sed -n 2,3p "$data/$inter" >>"$work/again/$inter"
quietly "$plateau" data split "$work/again" --shift popularity -o "$work/from-repeated"
grep -q 'warning.* 2 repeated pairs' "$work/quietly.txt" || complain "data split: repeated pairs are not told of"
cmp -s "$work/shifted/$inter" "$work/from-repeated/$inter" || complain "data split: repeated pairs count"

say "data synth --kind planted"
planted=("$plateau" data synth --kind planted --users 100 --items 120)
quietly "${planted[@]}" -o "$work/planted"
quietly "$plateau" data synth "$work/again-planted" --kind planted --users 100 --items 120 --pack
quietly "$plateau" data check "$work/planted"
grep -qE 'environments +3 .*of 400 to 400 training pairs' "$work/quietly.txt" || complain "data check: environments"
quietly "$plateau" data check "$work/again-planted"
grep -qE 'environments +3 .*of 400 to 400 training pairs' "$work/quietly.txt" || complain "data check: packed environments"
quietly "$plateau" data pack "$work/planted" --out "$work/planted.pack"
cmp -s <(tail -c +4097 "$work/planted.pack") <(tail -c +4097 "$work/again-planted/again-planted.pack") ||
  complain "data synth --pack: other arrays than those of the text"

say "train and evaluate: the shift beside validation and test"
config=$work/config.yaml run=$work/run
cat >"$config" <<YAML
data: {path: planted, features: [causal_feat.npy, spurious_feat.npy]}
model: {name: vbpr, dim: 8}
optimizer: {name: adam, lr: 0.01}
train: {epochs: 2, batch_size: 512, micro_batch: 128}
eval: {topk: [5, 20]}
YAML
quietly "$plateau" train "$config" --set "run.dir=$run"
cat "$work/quietly.txt" >"$work/table.txt"
grep -qE '^metric +validation +test +shift +kept$' "$work/table.txt" || complain "train: no table of all parts"
grep -qE '^recall@20( +[01]\.[0-9]{4}){3} +[0-9]+\.[0-9]{4}$' "$work/table.txt" || complain "train: no recall@20 of all parts"
grep -qE '^popularity@20( +[0-9]+\.[0-9]){3}$' "$work/table.txt" || complain "train: no popularity@20"
grep -qE '^coverage@20( +[01]\.[0-9]{4}){3}$' "$work/table.txt" || complain "train: no coverage@20"
# field LINE OBJECT KEY: a number of an object of a line of JSON.
field() { sed -E "s/.*\"$2\": \{([^{}]*)\}.*/\1/; s/.*\"$3\": ([-0-9.e]+).*/\1/" <<<"$1"; }
final=$(grep '"event": "final"' "$run/metrics.jsonl")
for k in recall@20 ndcg@5; do
  kept=$(awk -v a="$(field "$final" shift $k)" -v b="$(field "$final" test $k)" 'BEGIN { printf "%.9f", a / b }')
  [[ $(printf '%.9f' "$(field "$final" kept $k)") == "$kept" ]] || complain "final: kept $k is not shift / test"
done
[[ $(grep -c '"event": "eval".*"split": "shift"' "$run/metrics.jsonl") == 1 ]] || complain "shift is not evaluated once"
for part in valid test shift; do
  [[ $(grep -c "\"event\": \"slices\".*\"split\": \"$part\".*\"tail\"" "$run/metrics.jsonl") == 1 ]] || complain "no slices of $part"
done
"$plateau" evaluate "$run" --json --slices >"$work/one.json" 2>/dev/null
for workers in 2 3; do
  "$plateau" evaluate "$run" --json --slices --set cluster.workers=$workers --servers 2 >"$work/more.json" 2>/dev/null
  cmp -s "$work/one.json" "$work/more.json" || complain "evaluate: other bits with $workers workers"
done
evaluated=$("$plateau" evaluate "$run" --json 2>/dev/null)
! grep -q 'slices' <<<"$evaluated" || complain "evaluate --json: slices that nobody asked for"
[[ $(field "$evaluated" shift recall@20) == "$(field "$final" shift recall@20)" ]] || complain "evaluate: another recall than at the end"
quietly "$plateau" evaluate "$run" --slices --split shift
grep -qE '^shift +head +middle +tail +cold_items +cold_users$' "$work/quietly.txt" || complain "evaluate --slices: no table"
! grep -qE '^(test|validation) +head' "$work/quietly.txt" || complain "evaluate --split shift: other parts"
[[ $(awk '$1 == "training" { print $3 + $4 + $5 }' "$work/quietly.txt") == 1200 ]] || complain "slices: not all training pairs"
quietly "$plateau" evaluate "$run" --split both
! grep -qE 'shift|kept' "$work/quietly.txt" || complain "evaluate --split both: shift is there"
for choice in shift:1 both:0 none:0; do
  rm -rf "$work/final"
  quietly "$plateau" train "$config" --set "run.dir=$work/final" --set train.epochs=1 --set "eval.final=${choice%:*}"
  [[ $(grep -c '"event": "final".*"shift": {' "$work/final/metrics.jsonl" || true) == "${choice#*:}" ]] || complain "eval.final=${choice%:*}"
  ! grep -q '"kept"' "$work/final/metrics.jsonl" || complain "eval.final=${choice%:*}: kept without both"
done

say "the shift and environments change no training, and nothing is chosen by them"
rm -rf "$work/plain"
cp -r "$work/planted" "$work/plain"
awk -F'\t' -v OFS='\t' 'NR == 1 || $3 != 3 { print $1, $2, $3 }' "$work/planted/planted.inter" >"$work/plain/planted.inter"
quietly "$plateau" train "$config" --set "run.dir=$work/plain-run" --set "data.path=$work/plain"
[[ $(tables_hash "$work/plain-run") == "$(tables_hash "$run")" ]] || complain "other tables without the shift"
timeless() { sed -E 's/"(seconds|eval_s)": [0-9.e-]*//g'; }
valid_of() { grep '"split": "valid"' "$1/metrics.jsonl" | grep eval | timeless; }
diff <(valid_of "$run") <(valid_of "$work/plain-run") >/dev/null ||
  complain "other validation without the shift"
! grep -q 'shift' "$work/plain-run/metrics.jsonl" || complain "a shift where there is none"
quietly "$plateau" train "$config" --set "run.dir=$work/pack-run" --set "data.path=$work/again-planted"
diff <(grep -E '"(eval|slices|final)"' "$run/metrics.jsonl" | timeless) \
  <(grep -E '"(eval|slices|final)"' "$work/pack-run/metrics.jsonl" | timeless) >/dev/null ||
  complain "packed: other metrics"

say "what can be got wrong"
refuses 64 'data split: which folder' "$plateau" data split -o "$work/out" --shift popularity
refuses 64 '-o OUT is needed' "${split[@]}"
refuses 64 '--shift popularity is needed' "$plateau" data split "$data" -o "$work/out"
refuses 64 'no such shift; allowed: popularity' "$plateau" data split "$data" -o "$work/out" --shift time
refuses 64 'leave nothing for training' "${split[@]}" -o "$work/out" --valid 0.5 --test 0.4
refuses 64 '--test 1.5: a share from 0 to 1' "${split[@]}" -o "$work/out" --test 1.5
refuses 64 '--test nan: a share' "${split[@]}" -o "$work/out" --test nan
refuses 64 '--strength -1: a number' "${split[@]}" -o "$work/out" --strength=-1
refuses 64 '--keep-user 1.5: a whole number' "${split[@]}" -o "$work/out" --keep-user 1.5
refuses 64 '--seed x: a whole number' "${split[@]}" -o "$work/out" --seed x
refuses 64 'no option --keep' "${split[@]}" -o "$work/out" --keep 3
refuses 64 '--seed needs a value' "${split[@]}" -o "$work/out" --seed
refuses 64 'is the folder that is split' "${split[@]}" -o "$data/." --force
refuses 65 'there is no such folder' "$plateau" data split "$work/absent" --shift popularity -o "$work/out"
refuses 73 'is not empty; --force' "${split[@]}" -o "$work/shifted"
refuses 73 'is a file, not a folder' "${split[@]}" -o "$data/$inter"
refuses 73 'older set would be read' "${split[@]}" -o "$work/packed" --force
[[ ! -e $work/out ]] || complain "a refused command made its folder"
refuses 64 'no such kind; allowed: sphere, planted' "$plateau" data synth --kind cube -o "$work/out"
refuses 64 '--rho is an option of --kind planted' "$plateau" data synth --rho 1 -o "$work/out" --users 9 --items 9 --interactions 9
refuses 64 '--factors is an option of --kind sphere' "${planted[@]}" -o "$work/out" --factors 3
refuses 64 '--rho 1,x: |--rho x: a number' "${planted[@]}" -o "$work/out" --rho 1,x
refuses 64 '--rho ,: 1 to 256 numbers' "${planted[@]}" -o "$work/out" --rho ,
refuses 64 'would take 21 items' "${planted[@]}" -o "$work/out" --items 20
refuses 64 'one folder at a time' "${planted[@]}" -o "$work/out" "$work/out2"
refuses 64 'which folder' "${planted[@]}"
refuses 73 'is not empty; --force' "${planted[@]}" -o "$work/planted"
refuses 65 '--split shift: .*planted.inter has no shift pairs \(x_label 3\)' "$plateau" evaluate "$work/plain-run" --split shift
refuses 64 'all, both, valid, test, shift|all\|both|allowed' "$plateau" evaluate "$run" --split drift
bad_data() { # PATTERN SED-PROGRAM: planted data with a fault
  sed "$2" "$work/planted/planted.inter" >"$work/plain/planted.inter"
  refuses 65 "$1" "$plateau" train "$config" --set "run.dir=$work/bad" --set "data.path=$work/plain"
}
bad_data 'planted.inter:3: x_label "4" is none of 0 .*3 \(shift\)' '3s/[0-3]\(\t[0-9]*\)$/4\1/'
bad_data 'planted.inter:4: environment "web" is no whole number' '4s/[0-9]*$/web/'
bad_data 'planted.inter:4: environment "-1" is no' '4s/[0-9]*$/-1/'
bad_data 'planted.inter:1: column environment stands there twice' '1s/x_label/environment\tx_label/'
bad_data 'planted.inter:5: the row has 3 of the' '5s/\t[0-9]*$//'

conclude
