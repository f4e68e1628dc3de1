#!/usr/bin/env bash
# A job on a file system without locks and maps that is slow to show new files, with HDF5 told to lock: the bits of the
# embedded run on a good one.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
need_mpirun

shim=$tools/libfar_disk.so config=$work/config.yaml
[[ -e $shim ]] || fail "$shim is missing"
make_data "$work/data"
write_config "$config" "$work/data" "$bsam_plus"
train_run "$work/embedded" --set checkpoint.every_epochs=1
export HDF5_USE_FILE_LOCKING=TRUE FAR_DISK_NOTES=$work/notes.txt
quietly timeout 100 mpirun --bind-to none -n 3 -x HDF5_USE_FILE_LOCKING -x FAR_DISK_NOTES -x LD_PRELOAD="$shim" \
  "$plateau" train "$config" --set "run.dir=$work/far" --set checkpoint.every_epochs=1
for what in lock map miss; do
  grep -q "^$what\$" "$work/notes.txt" || complain "the disk was not tried: no $what"
done
unset HDF5_USE_FILE_LOCKING
[[ $(tables_hash "$work/far") == $(tables_hash "$work/embedded") ]] || complain "other bits on a far disk"
conclude
