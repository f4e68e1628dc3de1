#!/usr/bin/env bash
# A program with OpenBLAS, its kernels: where it does not know the processor, plateau has it use those that the processor has, once and
# with the same bits as if a user had said so; what a user says stays.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
plateau=$tools/plateau_openblas old_blas=$tools/libold_blas.so
[[ -e $old_blas ]] || fail "$old_blas is missing"
[[ $(uname -m) == x86_64 ]] || { say "skipped: not an x86-64 processor"; exit 77; }

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
anew='this processor has more: plateau was started anew with OPENBLAS_CORETYPE='

say "what a user says stays"
OPENBLAS_CORETYPE=Prescott train_run "$work/oldest"
[[ $(kernels_of "$work/oldest") == Prescott ]] || complain "OPENBLAS_CORETYPE=Prescott: runs $(kernels_of "$work/oldest")"
OPENBLAS_CORETYPE=Prescott LD_PRELOAD=$old_blas train_run "$work/told"
! grep -qr "$anew" "$work/told/logs" || complain "OPENBLAS_CORETYPE=Prescott: started anew"

say "a processor that OpenBLAS does not know"
run="$work/a name of two words"
quietly env -u OPENBLAS_CORETYPE LD_PRELOAD="$old_blas" "$plateau" train "$config" --set "run.dir=$run"
core=$(kernels_of "$run")
if [[ $core == Prescott ]]; then
  ! grep -qE '^flags.* sse4_2 ' /proc/cpuinfo || complain "OpenBLAS stays at Prescott"
  say "there is nothing above Prescott on this processor"
else
  [[ $(grep -c "chose its kernels for Prescott, but $anew$core$" "$run/logs/launcher-0.txt") == 1 ]] || complain "no line says that plateau was started anew"
  OPENBLAS_CORETYPE=$core train_run "$work/same"
  [[ $(tables_hash "$run") == $(tables_hash "$work/same") ]] || complain "other bits than with OPENBLAS_CORETYPE=$core"
  [[ $(tables_hash "$run") != $(tables_hash "$work/oldest") ]] || complain "$core and Prescott: the same bits, so these checks say nothing"
  code=0
  env -u OPENBLAS_CORETYPE LD_PRELOAD="$old_blas" "$plateau" train "$work/nothing.yaml" >"$work/out.txt" 2>&1 || code=$?
  [[ $code == 64 && $(grep -c 'plateau: error:' "$work/out.txt") == 1 ]] || { complain "a wrong path: exit $code"; cat "$work/out.txt" >&2; }
fi

say "an OpenBLAS that cannot be told"
OLD_BLAS=deaf quietly timeout 60 env -u OPENBLAS_CORETYPE LD_PRELOAD="$old_blas" "$plateau" train "$config" --set "run.dir=$work/deaf"
[[ $(kernels_of "$work/deaf") == Prescott ]] || complain "the log does not say what OpenBLAS says"

if command -v mpirun >/dev/null && [[ $core != Prescott ]]; then
  say "ranks"
  quietly timeout 120 env -u OPENBLAS_CORETYPE LD_PRELOAD="$old_blas" mpirun --bind-to none -n 3 "$plateau" train "$config" \
    --set "run.dir=$work/ranks"
  for ((i = 0; i < 3; i++)); do
    grep -q "$anew$core$" "$work/ranks/logs/supervisor-$i.txt" || complain "rank $i: no line says that it was started anew"
  done
  [[ $(tables_hash "$work/ranks") == $(tables_hash "$work/same") ]] || complain "ranks: other bits than the embedded run"
fi
conclude
