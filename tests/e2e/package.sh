#!/usr/bin/env bash
# The Debian package: built by cpack, installed by dpkg over a copy of this machine's root that is thrown away, run there,
# purged without a trace. And what cannot be run here: the modulefile by tclsh, Apptainer's and Spack's files as far as
# their shell and their Python go. Argument: the build directory.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build=$1 packaging=$root/packaging
for command in cpack dpkg-deb dpkg-shlibdeps; do
  command -v "$command" >/dev/null || { say "skipped: needs cpack, dpkg-deb and dpkg-shlibdeps"; exit 77; }
done

say "built"
quietly cpack --config "$build/CPackConfig.cmake" -B "$work/built"
deb=$(find "$work/built" -maxdepth 1 -name 'plateau_*.deb')
[[ -f $deb ]] || fail "cpack wrote no package, or several: $deb"
quietly dpkg-deb -x "$deb" "$work/files"
for library in libc6 libzmq5 libprotobuf-c1 libhdf5 libyaml-0-2 libjansson4 libxxhash0 libopenmpi; do
  dpkg-deb -f "$deb" Depends | grep -q "$library" || complain "Depends lacks $library: $(dpkg-deb -f "$deb" Depends)"
done
for file in bin/plateau share/man/man1/plateau-train.1.gz share/man/man5/plateau-options.5.gz share/plateau/plateau.py \
  share/bash-completion/completions/plateau share/zsh/vendor-completions/_plateau share/doc/plateau/copyright \
  share/doc/plateau/docs/tutorial.md share/doc/plateau/examples/library/fm.c include/plateau.h; do
  [[ -s $work/files/usr/$file ]] || complain "the package has no /usr/$file"
done
! grep -rlF "$build" "$work/files" || complain "these files name the build directory"
if command -v lintian >/dev/null; then
  # One package has program and library, on purpose; the others are CMake's: a directory, a script of its own making.
  lintian --allow-root --fail-on error,warning --suppress-tags package-name-doesnt-match-sonames,link-to-shared-library-in-wrong-package,maintscript-calls-ldconfig,pkg-config-unavailable-for-cross-compilation \
    "$deb" >"$work/lintian.txt" 2>&1 || complain "lintian: $(cat "$work/lintian.txt")"
else
  say "not checked: there is no lintian"
fi

say "the modulefile"
if command -v tclsh >/dev/null; then
  cat >"$work/ask.tcl" <<'ASK'
set ModulesCurrentModulefile [lindex $argv 0]
proc module-whatis {text} {}
proc conflict {name} {}
proc prepend-path {name dir} { puts "$name $dir" }
source $ModulesCurrentModulefile
ASK
  tclsh "$work/ask.tcl" "$(find "$work/files/usr/share/modulefiles/plateau" -type f)" >"$work/paths.txt"
  for path in "PATH $work/files/usr/bin" "PYTHONPATH $work/files/usr/share/plateau" "CMAKE_PREFIX_PATH $work/files/usr"; do
    grep -qxF "$path" "$work/paths.txt" || complain "the modulefile does not set $path: $(cat "$work/paths.txt")"
  done
  grep -q "^LD_LIBRARY_PATH $work/files/usr/lib" "$work/paths.txt" || complain "the modulefile does not name libplateau's folder"
else
  say "not checked: there is no tclsh"
fi

say "Apptainer and Spack, as far as that goes here"
section() { awk -v name="%$1" '/^%/ { on = $0 == name; next } on' "$packaging/apptainer/plateau.def"; }
for name in post test runscript environment; do
  section "$name" >"$work/$name.sh"
  [[ -s $work/$name.sh ]] || complain "plateau.def has no %$name"
  sh -n "$work/$name.sh" || complain "plateau.def: %$name"
  ! command -v shellcheck >/dev/null || shellcheck -s sh "$work/$name.sh" || complain "plateau.def: %$name"
done
recipe=$packaging/spack/packages/plateau/package.py
if [[ -x $python ]]; then
  "$python" -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$recipe" || complain "package.py is no Python"
fi
# What CMake looks for, the recipe brings.
grep -oE 'pkg_check_modules\([A-Z0-9]+ REQUIRED IMPORTED_TARGET [a-z0-9.-]+' "$root/cmake/PlateauLibraries.cmake" |
  sed 's/.* //' | grep -v criterion >"$work/libraries.txt"
(($(wc -l <"$work/libraries.txt") >= 5)) || complain "no libraries were found in PlateauLibraries.cmake"
while read -r library; do
  name=${library#lib}
  case $library in yaml-0.1) name=yaml ;; esac
  grep -qE "depends_on\\(\"(lib)?${name}[@\"]" "$recipe" || complain "package.py does not depend on $library"
done <"$work/libraries.txt"

say "installed, run, purged"
cat >"$work/try.sh" <<'TRY'
set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/overlay" "$1/root" 2>/dev/null || exit 78
for dir in proc dev; do mount --rbind "/$dir" "$1/root/$dir"; done
cp "$2" "$1/root/new.deb"
# Triggers of other packages are slow, and not ours: an index of all pages of the manual.
chroot "$1/root" /bin/sh -ec '
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/
  dpkg --no-triggers -i /new.deb
  test "$(command -v plateau)" = /usr/bin/plateau
  ldconfig -p | grep -q libplateau.so.0
  cd /
'"$(cat "$1/test.sh")"'
  dpkg -V plateau
  dpkg --no-triggers --purge plateau
  ! ldconfig -p | grep libplateau'
left=$(find "$1/upper" -name '*plateau*' -not -type c) # c: it is not there any more
[[ -z $left ]] || { echo "left: $left"; exit 1; }
TRY
mkdir "$work/upper" "$work/overlay" "$work/root"
if dpkg-query -W plateau >/dev/null 2>&1; then
  say "not tried: plateau is installed here already"
elif [[ $(id -u) != 0 ]] || ! unshare -m true 2>/dev/null; then
  say "not installed: needs root and mount namespaces"
else
  code=0
  unshare -m bash "$work/try.sh" "$work" "$deb" >"$work/out.txt" 2>&1 || code=$?
  ((code != 78)) || say "not installed: overlays are refused here"
  ((code == 0 || code == 78)) || { complain "exit $code"; tail -n 30 "$work/out.txt"; }
fi
PATH=$work/files/usr/bin:$PATH quietly bash "$work/test.sh"
conclude
