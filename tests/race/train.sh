#!/usr/bin/env bash
# train.sh TRANSPORT [lightgcn]: a whole job as threads of one process, 2 servers, 3 workers of 2 threads, with evaluation and
# checkpoints; under the thread sanitizer any report fails it. The configuration's own transport is inproc.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

transport=$1
data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
[[ ${2:-} != lightgcn ]] || as_lightgcn "$config"
train_run "$work/run" --set cluster.transport="$transport" --servers 2 --workers 3 --set cluster.threads=2 \
  --set train.epochs=2 --set eval.every=1 --set checkpoint.every_epochs=1 --set checkpoint.every_s=0.000001
# Rows so wide that the threads of a server share them, and sums of what two workers push.
train_run "$work/wide" --set cluster.transport="$transport" --workers 2 --set cluster.threads=3 --set model.dim=640 \
  --set train.batch_size=2048 --set train.micro_batch=1024 --set train.epochs=1
quietly "$plateau" recommend "$work/run" -o "$work/top.tsv"
conclude
