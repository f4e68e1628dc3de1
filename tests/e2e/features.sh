#!/usr/bin/env bash
# Features scaled and filled: the same bits as from files that hold the scaled values, for any cluster, after a resume
# and when the file has changed since; items without a modality; what does not fit.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml scale='data.scale={"*": standard, image: unit}'
make_data "$data"
write_config "$config" "$data" '  name: plain'
sed -i -e 's/epochs: 3/epochs: 2/' "$config"
# missing ROW...: these items have no image.
missing() {
  local row
  for row in "$@"; do
    for ((c = 0; c < 8; c++)); do printf '\x00\x00\xc0\x7f'; done |
      dd of="$data/image_feat.npy" bs=1 seek=$((128 + row * 8 * 4)) conv=notrunc status=none
  done
}
missing 3 17

say "as from files of scaled values"
quietly "$plateau" train "$config" --set "run.dir=$work/raw" --set "$scale" --set model.name=mgcn \
  --set model.train_features=true --set train.epochs=0
grep -q 'plateau: image: 2 of 200 items have none (rows of NaN, the first is 3)' "$work/quietly.txt" ||
  complain "nothing said of items without images"
quietly "$plateau" export "$work/raw" -o "$work/scaled"
cmp "$work/raw/features.json" "$work/scaled/features.json" || complain "export: no features.json beside the tables"
cp -r "$data" "$work/prepared"
for feature in text image; do cp "$work/scaled/feat_$feature.npy" "$work/prepared/${feature}_feat.npy"; done
for model in vbpr freedom ultragcn; do
  train_run "$work/$model" --set "model.name=$model" --set "$scale"
  train_run "$work/$model-file" --set "model.name=$model" --set "data.path=$work/prepared"
  [[ $(tables_hash "$work/$model") == $(tables_hash "$work/$model-file") ]] || complain "$model: other tables"
  [[ ! -e $work/$model-file/features.json ]] || complain "$model: features.json although nothing is scaled"
done
reference=$(tables_hash "$work/vbpr")
train_run "$work/unscaled"
[[ $(tables_hash "$work/unscaled") != "$reference" ]] || complain "data.scale changes nothing"
"$plateau" evaluate "$work/vbpr" >"$work/metrics.txt" 2>"$work/quietly.txt"
"$plateau" evaluate "$work/vbpr-file" 2>/dev/null | diff "$work/metrics.txt" - || complain "evaluate: other metrics"

say "two workers, two servers, ranks: the same bits"
train_run "$work/two" --set "$scale" --workers 2 --servers 2
[[ $(tables_hash "$work/two") == "$reference" ]] || complain "2 workers: other tables"
if command -v mpirun >/dev/null; then
  quietly ranks 3 train "$config" --set "run.dir=$work/ranks" --set "$scale"
  [[ $(tables_hash "$work/ranks") == "$reference" ]] || complain "mpirun: other tables"
fi

# Item 0's text changes, and with it the figures of every column, and one more item has no image.
say "figures of the run hold: resumed, evaluated, exported, taken by init.from"
train_run "$work/resumed" --set "$scale" --set train.epochs=1
train_run "$work/resumed" --set "$scale" --resume
[[ $(tables_hash "$work/resumed") == "$reference" ]] || complain "resumed: other tables"
head -c 64 /dev/zero | dd of="$data/text_feat.npy" bs=1 seek=128 conv=notrunc status=none
missing 40
quietly "$plateau" evaluate "$work/vbpr"
quietly "$plateau" export "$work/vbpr" -o "$work/later"
cmp "$work/vbpr/features.json" "$work/later/features.json" || complain "figures of a changed file"
quietly "$plateau" train "$config" --set "run.dir=$work/onward" --set "$scale" --set "init.from=$work/later" \
  --set 'procedure=[{stage: train}]'
cmp "$work/vbpr/features.json" "$work/onward/features.json" || complain "init.from: other figures"
train_run "$work/anew" --set "$scale" --set train.epochs=0
! cmp -s "$work/vbpr/features.json" "$work/anew/features.json" || complain "a new run has the figures of an old one"

say "what does not fit"
refused() { # CODE PATTERN COMMAND...
  local want=$1 pattern=$2 code=0
  shift 2
  "$@" >"$work/out.txt" 2>&1 </dev/null || code=$?
  ((code == want)) && grep -qE "^plateau: error: .*$pattern" "$work/out.txt" ||
    { complain "exit $code, or no \"$pattern\": $*"; cat "$work/out.txt" >&2; }
}
new=(train "$config" --set "run.dir=$work/new")
refused 65 'row 3 is NaN throughout: item 3 has no image' "$plateau" "${new[@]}" --set data.missing=error
refused 64 'data\.scale: data\.features has no modality "sound"; there are text, image' \
  "$plateau" "${new[@]}" --set 'data.scale={sound: l2}'
refused 64 'data\.scale: "norm" is not one of' "$plateau" "${new[@]}" --set data.scale=norm
refused 64 'set it to \{text: standard, image: unit\}' "$plateau" "${new[@]}" --set "init.from=$work/later"
refused 64 'data\.scale: l2, was' "$plateau" train "$config" --set "run.dir=$work/vbpr" --set data.scale=l2 --resume
refused 64 'trained with data\.scale standard of text' "$plateau" evaluate "$work/vbpr" --set data.scale=none
head -c 1000 "$work/vbpr/features.json" >"$work/two/features.json"
refused 65 'features\.json:1:' "$plateau" evaluate "$work/two"
rm "$work/two/features.json"
refused 65 'features\.json: is not there' "$plateau" evaluate "$work/two"
refused 65 'by which text would be scaled .*leave data\.scale as the run has it' \
  "$plateau" evaluate "$work/unscaled" --set data.features=text_feat.npy --set data.scale=standard
[[ ! -e $work/new ]] || complain "a refused run leaves a directory"

say "modalities of very different scale are told of"
{
  head -c 128 "$data/image_feat.npy"
  for ((i = 0; i < 800; i++)); do printf '\x00\x00\x7a\x44\x00\x00\x7a\xc4'; done
} >"$work/prepared/image_feat.npy"
quietly "$plateau" data check "$work/prepared"
grep -q 'image has deviation 1e+03, text .* data.scale: standard' "$work/quietly.txt" || complain "data check: scales"
train=(train "$config" --set "data.path=$work/prepared" --set train.epochs=0)
quietly "$plateau" "${train[@]}" --set "run.dir=$work/apart"
grep -q 'different scale: image has deviation 1e+03, text' "$work/quietly.txt" || complain "train: scales"
quietly "$plateau" "${train[@]}" --set "run.dir=$work/alike" --set data.scale=unit
! grep -q 'different scale' "$work/quietly.txt" || complain "train: told of scales although they are alike"

conclude
