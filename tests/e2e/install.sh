#!/usr/bin/env bash
# cmake --install into a directory of its own: one program, which stands without the build and its sources, also
# stripped; and libplateau, which tests/e2e/library.sh uses. Argument: the build directory.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
command -v cmake >/dev/null || { say "skipped: needs cmake"; exit 77; }
build=$1

quietly cmake --install "$build" --prefix "$work/prefix"
quietly cmake --install "$build" --prefix "$work/stripped" --strip
found=$(cd "$work/prefix" && find . \( -type f -o -type l \) -not -name 'libplateau.*' -not -path '*/cmake/plateau/*' \
  -not -path './share/doc/plateau/*' -not -path './share/man/*' | sort)
found=${found//lib*\/pkgconfig/LIB\/pkgconfig}
version=$(sed -n 's/^project(plateau VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
wanted=(bin/plateau include/plateau.h LIB/pkgconfig/plateau.pc share/bash-completion/completions/plateau
  "share/modulefiles/plateau/$version" share/plateau/plateau.py share/zsh/site-functions/_plateau)
[[ $found == "$(printf './%s\n' "${wanted[@]}")" ]] || complain "installed: $found"
diff <("$plateau" help man --names | sort) <(find "$work/prefix/share/man" -type f -printf '%f\n' | sed 's/\.gz$//' | sort) ||
  complain "other pages of the manual than there are"
# Pages link to each other as in the sources.
for dir in docs examples; do
  diff -r -x build-site -x site "$root/$dir" "$work/prefix/share/doc/plateau/$dir" || complain "$dir is not installed as it is"
done
# links PAGE: where its links to files lead.
links() { grep -oE '\]\([^)#: ]+[)#]' "$1" | sed 's/^](//; s/[)#]$//' | sort -u; }
linked=0
while read -r page; do
  while read -r link; do
    linked=$((linked + 1))
    [[ -e ${page%/*}/$link ]] || complain "installed ${page#"$work/prefix/"}: $link is not there"
  done < <(links "$page")
done < <(find "$work/prefix/share/doc/plateau" -name '*.md')
((linked > 100)) || complain "only $linked links in the installed pages"
[[ $(stat -c %s "$work/stripped/bin/plateau") -lt $(stat -c %s "$work/prefix/bin/plateau") ]] ||
  complain "--strip took nothing"
! readelf -d "$work/prefix/bin/plateau" | grep -E 'R(UN)?PATH' | grep -F "$build" || complain "it looks for libraries in the build"

# As a user has it: from PATH, in another directory, without the variables of the tests.
data=$work/data
mkdir "$work/home"
for how in prefix stripped; do
  run=$work/$how-run
  (
    cd "$work/home"
    export PATH=$work/$how/bin:$PATH
    [[ $(command -v plateau) == "$work/$how/bin/plateau" ]] || fail "not the installed program: $(command -v plateau)"
    [[ $(plateau --version) == $("$plateau" --version) ]] || fail "$how: another --version than the build's"
    [[ -e $data ]] || quietly plateau data synth "$data" --users 100 --items 80 --interactions 900 --modalities text:8
    cat >job.yaml <<YAML
data: {path: $data, features: [text_feat.npy]}
model: {name: vbpr, dim: 4}
strategy: {name: bsam+, rho: 0.05}
optimizer: {name: adam, lr: 0.01}
train: {epochs: 2, batch_size: 128}
YAML
    quietly plateau train job.yaml --set "run.dir=$run" --workers 2 --servers 2
    quietly plateau evaluate "$run" --last
    quietly plateau recommend "$run" --last -o "$run.tsv"
  )
  [[ -s $run.tsv ]] || complain "$how: no recommendations"
done
[[ $(tables_hash "$work/prefix-run") == $(tables_hash "$work/stripped-run") ]] || complain "stripped: other bits"
conclude
