#!/usr/bin/env bash
# flatness.sh: sharpness and landscape. The loss at the tables is that of training; one result on any cluster; a line is
# the middle row of a surface; near the tables the rise is that of the gradient; pictures; bad input.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
train_run "$work/run" --set train.epochs=2

# lists KEY: filters lines of JSON to the numbers of a list, one per line.
lists() { sed -n "s/.*\"$1\": *\[\([^]]*\)\].*/\1/p" | tr ',' '\n' | tr -d ' '; }
near() { # A B TOLERANCE
  awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a > b ? a - b : b - a; exit !(d <= t * (b > 0 ? b : -b)) }'
}

say "the loss at the tables is that of training"
for model in bpr lightgcn freedom; do
  { sed -e "s/name: vbpr/name: $model/" -e 's/batch_size: 512/batch_size: 2048/' -e '/micro_batch/d' "$config"; } >"$work/$model.yaml"
  quietly "$plateau" train "$work/$model.yaml" --quiet --set "run.dir=$work/$model" --set strategy.name=plain --set train.max_steps=1
  quietly "$plateau" train "$work/$model.yaml" --quiet --set "run.dir=$work/$model.0" --set strategy.name=plain --set train.epochs=0
  trained=$(losses_of "$work/$model" | awk '{ print $3 }')
  measured=$("$plateau" sharpness "$work/$model.0" --batches 1 --rho 0.0001 --directions 1 --json | json_number loss)
  near "$measured" "$trained" 1e-12 || complain "$model: loss $measured at the tables, in training $trained"
done

say "one result on any cluster"
for shape in 1:1 3:1 2:3; do
  measure=(--last --servers "${shape%:*}" --set "cluster.workers=${shape#*:}")
  "$plateau" sharpness "$work/run" "${measure[@]}" --directions 2 --json >"$work/sharp.$shape" || complain "$shape: sharpness"
  quietly "$plateau" landscape "$work/run" "${measure[@]}" --resolution 5 --batches 4 -o "$work/surface.$shape"
  for what in sharp surface; do
    cmp -s "$work/$what.1:1" "$work/$what.$shape" || complain "$what: ${shape/:/ servers, } workers give another result"
  done
done

say "a line is the middle row of a surface, and its middle is the loss"
quietly "$plateau" landscape "$work/run" --resolution 5 --axes 1 --batches 4 -o "$work/line.json"
lists loss <"$work/line.json" >"$work/line.txt"
tr -d ' \n' <"$work/surface.1:1" | sed 's/.*"loss":\[\[//; s/\]\].*//' | sed 's/\],\[/\n/g' >"$work/surface.txt"
[[ $(wc -l <"$work/line.txt") == 5 ]] || complain "a line of $(wc -l <"$work/line.txt") points, not 5"
sed -n 3p "$work/surface.txt" | tr ',' '\n' | cmp -s - "$work/line.txt" || complain "the middle row is not the line"
loss=$("$plateau" sharpness "$work/run" --batches 4 --directions 1 --json | json_number loss)
near "$(sed -n 3p "$work/line.txt")" "$loss" 1e-12 || complain "the middle is not the loss of the tables"
[[ $(tr ',' '\n' <"$work/surface.txt" | sort -u | wc -l) == 25 ]] || complain "points of a surface are equal"

say "near the tables the loss rises by the length of the gradient"
"$plateau" sharpness "$work/run" --rho 0.001,0.01 --directions 20 --json --set train.micro_batch=512 >"$work/near.json"
gradient=$(json_number gradient <"$work/near.json")
mapfile -t ascent < <(lists ascent <"$work/near.json")
mapfile -t random < <(lists random <"$work/near.json")
near "$(awk -v r="${ascent[0]}" 'BEGIN { print r / 0.001 }')" "$gradient" 0.02 ||
  complain "a rise of ${ascent[0]} at 0.001 with a gradient of $gradient"
awk -v a="${ascent[1]}" -v r="${random[1]}" 'BEGIN { exit !(a > 5 * (r < 0 ? -r : r)) }' ||
  complain "random directions rise by ${random[1]}, the gradient's by ${ascent[1]}"

say "while it is trained: the same figures, and the same tables"
look=(--epochs 2 --set eval.every=1 --set eval.sharpness=true --set "eval.sharpness_rho=0.05,0.5" --set eval.sharpness_batches=3)
train_run "$work/looked" "${look[@]}"
[[ $(tables_hash "$work/looked") == $(tables_hash "$work/run") ]] || complain "eval.sharpness changes the tables"
train_run "$work/looked.cluster" "${look[@]}" --servers 2 --workers 3
"$plateau" sharpness "$work/looked" --last --batches 3 --directions 1 --rho 0.05,0.5 --json >"$work/after.json"
for run in looked looked.cluster; do
  (($(grep -c '"event": *"sharpness"' "$work/$run/metrics.jsonl") == 2)) || complain "$run: not one event for each epoch"
  for key in ascent random; do
    grep '"event": *"sharpness"' "$work/$run/metrics.jsonl" | tail -n 1 | lists "$key" | cmp -s - <(lists "$key" <"$work/after.json") ||
      complain "$run: $key while training is not what is measured afterwards"
  done
done
refuses 64 'eval.sharpness_rho: 1 to 16' "$plateau" train "$config" --set "run.dir=$work/x" --set 'eval.sharpness_rho=[]'

if command -v gnuplot >/dev/null; then
  say "pictures"
  quietly "$plateau" landscape "$work/run" --resolution 5 --batches 1 -o "$work/it's b.json" --beside "$work/surface.1:1" \
    --plot "$work/it's.svg"
  grep -q '</svg>' "$work/it's.svg" || complain "no picture"
  ! grep -i warning "$work/quietly.txt" || complain "gnuplot warns in locale C"
  grep -q "it's b" "$work/it's.svg" || complain "the picture does not name the run"
  quietly "$plateau" landscape "$work/run" --resolution 5 --axes 1 --batches 1 -o "$work/b.json" --beside "$work/line.json" \
    --plot "$work/b.png"
  [[ $(head -c 4 "$work/b.png" | tail -c 3) == PNG ]] || complain "no PNG"
  cp -r "$work/run" "$work/other"
  quietly "$plateau" landscape "$work/run" "$work/other/" "$work/looked" --last --resolution 5 --batches 4 -o "$work/all" --beside "$work/line.json" \
    --axes 1 --plot "$work/all.svg"
  for name in run other looked; do
    cmp -s <(lists loss <"$work/all/$name.json") "$work/line.txt" || complain "$name of several: another line than alone"
    grep -q ">$name (loss" "$work/all.svg" || complain "the picture of several has no $name"
  done
  refuses 64 'two runs are called run' "$plateau" landscape "$work/run" "$work/all/../run" -o "$work/x"
  refuses 64 'one argument too many' "$plateau" sharpness "$work/run" "$work/other"
  refuses 64 'has 1 axes, not 2' "$plateau" landscape "$work/run" --resolution 5 -o "$work/c.json" --beside "$work/line.json" \
    --plot "$work/c.svg"
  refuses 65 'is no landscape' "$plateau" landscape "$work/run" --resolution 5 --batches 1 -o "$work/c.json" \
    --beside "$work/near.json" --plot "$work/c.svg"
  refuses 64 'ends with .svg or .png' "$plateau" landscape "$work/run" -o "$work/c.json" --plot "$work/c.pdf"
else
  say "no pictures: gnuplot is not installed"
fi

say "what makes no sense"
(cd "$work" && "$plateau" landscape run --resolution 5 --axes 1 --batches 4 -o - 2>/dev/null | cmp -s - line.json) ||
  complain "-o -: not the same numbers"
[[ ! -e $work/- ]] || complain "a file called -"
refuses 64 'takes one run' "$plateau" landscape "$work/run" "$work/looked" -o -
refuses 64 'draws what -o names' "$plateau" landscape "$work/run" -o - --plot "$work/c.svg"
refuses 64 'is even' "$plateau" landscape "$work/run" -o "$work/c.json" --resolution 4
refuses 64 'output' "$plateau" landscape "$work/run"
refuses 64 'rho' "$plateau" sharpness "$work/run" --rho 0.1,0
refuses 64 'gnuplot' env PATH=/nonexistent "$plateau" landscape "$work/run" -o "$work/c.json" --plot "$work/c.svg"
conclude
