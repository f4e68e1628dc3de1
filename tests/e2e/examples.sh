#!/usr/bin/env bash
# examples.sh: every configuration of examples/ trains two steps, on invented data in place of its own, without a warning.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

quietly "$plateau" data synth "$work/data" --users 300 --items 200 --interactions 4000 \
  --modalities text:16,image:8,audio:8,vggish:4 --seed 1
for example in "$root"/examples/*.yaml; do
  name=$(basename "$example" .yaml)
  quietly "$plateau" train "$example" --set run.dir="$work/$name" --set data.path="$work/data" --set train.max_steps=2
  ! grep -i warning "$work/quietly.txt" || complain "$name: a warning"
  [[ $(readlink "$work/$name/checkpoints/last") == 2 ]] || complain "$name: not two steps"
done
conclude
