#!/usr/bin/env bash
# plateau report: a page of its own, with all that the runs have; in a browser, where one is installed, it fits a phone and
# follows light and dark.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml runs=$work/runs page=$work/page.html odd='odd <b>&"name"'
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
options=(--set eval.every=1 --set train.epochs=4 --set eval.sharpness=true --set eval.sharpness_batches=2)
for seed in 1 2; do quietly "$plateau" train "$config" --set "run.dir=$runs/plus-$seed" --set "run.seed=$seed" "${options[@]}" --servers 2 --workers 2; done
quietly "$plateau" train "$config" --set "run.dir=$runs/$odd" --set 'strategy={name: plain}' "${options[@]}"
code=0
"$plateau" train "$config" --set "run.dir=$runs/steep" --set optimizer.name=sgd --set optimizer.lr=1e30 >/dev/null 2>&1 || code=$?
((code == 65)) || complain "a rate of 1e30 ends with $code"
quietly "$plateau" landscape "$runs/plus-1" -o "$runs/plus-1/landscape.json" --resolution 5 --batches 1
quietly "$plateau" landscape "$runs/plus-1" -o "$runs/plus-1/line.json" --axes 1 --resolution 5 --batches 1
"$plateau" sharpness "$runs/plus-1" --json >"$runs/plus-1/sharp.json" 2>/dev/null
"$plateau" evaluate "$runs/plus-1" --noise 0.5,1 --replace 0.2 --seeds 2 --json >"$runs/plus-1/disturbed.json" 2>/dev/null
for run in "$runs"/plus-1 "$runs/$odd"; do quietly "$plateau" evaluate "$run" --per-user "$run/users.tsv"; done
# What a supervisor would have told of a lost rank.
sed -i '/"event": "epoch", "epoch": 1/a {"event": "recovery", "what": "rank 1 <on b>", "generation": 2, "clock": 7, "seconds": 1.5}' "$runs/plus-2/metrics.jsonl"

say "what is on the page"
"$plateau" report "$runs" -o "$page" >"$work/told.txt"
grep -qE 'page.html: 4 runs, [0-9.]+ kB' "$work/told.txt" || complain "report: $(cat "$work/told.txt")"
has() { grep -qF -- "$1" "$page" || complain "the page has no $2"; }
has_not() { ! grep -qiE -- "$1" "$page" || complain "the page has $2"; }
for section in Runs 'What differs' Curves 'Where time went' 'Balance of servers' Recoveries 'Flatness and robustness' Configurations; do
  has "<h2>$section</h2>" "section $section"
done
has 'odd &lt;b&gt;&amp;&quot;name&quot;' "name of a run, escaped"
has_not '<b>&"name"' "a name as it is"
has 'rank 1 &lt;on b&gt;' "recovery"
has 'error: the loss is NaN' "word of the run that failed"
has '<path class="m"' "mark of a recovery in the curves"
has_not '<script|https?://|src=|url\(|@import' "what is not on the page itself"
for title in 'training loss' 'sharpness, largest distance' 'length of the gradient' 'validation recall@20' 'validation ndcg@20' 'samples per second' 'rise of the loss, ascent' \
  'rise of the loss over a random direction' 'recall@20 with noisy features' 'recall@20 with features of other items' 'plus-1 landscape.json'; do
  has "y=\"14\">$title</text>" "picture of $title"
done
has_not '"[^"]*(nan|inf)[ "]' "numbers that are none"
[[ $(grep -c '<div class="row">' "$page") == 4 ]] || complain "not a bar of time for each run"
for tag in section table svg details div; do
  [[ $(grep -oE "<${tag}[ >]" "$page" | wc -l) == $(grep -o "</$tag>" "$page" | wc -l) ]] || complain "<$tag> and </$tag> do not match"
done
sum=$(grep -o '<div class="row">.*' "$page" | head -n 1 | grep -o 'width:[0-9.]*' | cut -d : -f 2 | awk '{ s += $1 } END { print (s > 99.5 && s < 100.5) }')
[[ $sum == 1 ]] || complain "a bar of time is not whole"
"$plateau" report "$runs/plus-1" -o "$work/one.html" >/dev/null
"$plateau" report "$runs/plus-1" -o - | cmp -s - "$work/one.html" || complain "report -o -: not the same page"
grep -qF '<h2>Metrics</h2>' "$work/one.html" || complain "a page of one run"
refuses 64 'report: where to' "$plateau" report "$runs"
refuses 64 'no such directory' "$plateau" report /nowhere -o "$page"
refuses 64 '--metrics: "," names none' "$plateau" report "$runs" -o "$page" --metrics ,
refuses 73 '/nowhere' "$plateau" report "$runs" -o /nowhere/page.html

browser=$(command -v chromium || command -v chromium-browser || true)
if [[ -z $browser ]]; then
  say "no chromium is installed: the page was not looked at in a browser"
  conclude
  exit
fi
say "in a browser"
browse() { timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/browser" "$@" 2>/dev/null; }
# A frame as wide as a phone, whose page is asked how wide it is.
cat >"$work/phone.html" <<'HTML'
<iframe id="f" src="page.html" style="width:390px;height:800px;border:0"></iframe><p id="told">nothing</p>
<script>onload = () => { const d = document.getElementById('f').contentDocument;
  document.getElementById('told').textContent = 'width ' + d.documentElement.scrollWidth + ', pictures ' + d.querySelectorAll('svg').length; }</script>
HTML
browse --allow-file-access-from-files --virtual-time-budget=5000 --dump-dom "file://$work/phone.html" >"$work/dom.txt" || true
grep -qE 'width 390, pictures [0-9]+' "$work/dom.txt" || complain "on a phone of 390: $(grep -o '<p id="told">[^<]*' "$work/dom.txt" || true)"
for scheme in 0 1; do # dark, light
  browse --blink-settings=preferredColorScheme=$scheme --window-size=1200,1600 --screenshot="$work/$scheme.png" "file://$page" >/dev/null || true
  [[ -s $work/$scheme.png ]] || complain "no picture of the page, scheme $scheme"
done
! cmp -s "$work/0.png" "$work/1.png" || complain "the page is the same in light and dark"
conclude
