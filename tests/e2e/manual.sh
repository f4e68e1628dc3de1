#!/usr/bin/env bash
# What is made of the help: pages of the manual that man and mandoc read without a warning and that have every option;
# completion in bash and zsh, by calling what the shells call; and every option that is offered is one that there is.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

say "pages"
"$plateau" help man --names >"$work/pages.txt"
"$plateau" help completion >"$work/lines.txt"
expect() { grep -qF -- "$2" "$1" || complain "$1 has no $2"; }
check_page() { # FILE
  if command -v man >/dev/null; then
    man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>"$work/warnings.txt" >/dev/null || complain "$1: man fails"
    [[ ! -s $work/warnings.txt ]] || complain "$1: $(cat "$work/warnings.txt")"
  fi
  # The date is left out: pages are the same whenever they are made.
  ! command -v mandoc >/dev/null || ! mandoc -T lint -W warning "$1" | grep -v 'missing date' || complain "$1: mandoc"
}
command -v man >/dev/null || say "not checked: there is no man"
command -v mandoc >/dev/null || say "not checked by a second reader: there is no mandoc"
while read -r page; do
  name=${page%.*} name=${name#plateau} name=${name#-}
  "$plateau" help man ${name:+"$name"} >"$work/$page"
  check_page "$work/$page"
  sed 's/\\-/-/g' "$work/$page" >"$work/plain-$name"
done <"$work/pages.txt"
(($(wc -l <"$work/pages.txt") >= 18)) || complain "only $(wc -l <"$work/pages.txt") pages"
# All options of the help are in the page.
grep '^option ' "$work/lines.txt" | while read -r _ command option _; do
  [[ $option == --help ]] || grep -qE -- "(^|[^a-z-])$option\b" "$work/plain-${command%/*}" ||
    complain "plateau-${command%/*}.1 lacks $option"
done
grep '^key ' "$work/lines.txt" | while read -r _ key _; do expect "$work/plain-options" "\\fB$key\\fR"; done
refuses 64 'there is no page of "trian"' "$plateau" help man trian

say "what is offered is there, and what is there is offered"
# Of tasks, serve and launch both come from one table.
by_hand='train|inspect|runs|compare|report|tune|data/[a-z]*|bench|fault-proxy'
grep -E "^option ($by_hand) " "$work/lines.txt" | sort -u | while read -r _ command option kind; do
  [[ $option != --help ]] || continue
  words=("${command%/*}")
  [[ $command != */* ]] || words+=("${command#*/}")
  [[ ${words[0]} != bench ]] || words+=(ps)
  words+=("$option")
  [[ $kind == flag ]] || words+=("${kind%%|*}")
  # The option behind it ends all of them, whatever else is missing.
  "$plateau" "${words[@]}" --no-such-option >"$work/out.txt" 2>&1 </dev/null && complain "${words[*]} --no-such-option is taken"
  ! grep -qE -- "(unknown option or missing value|what is)[: ]+$option( |$)" "$work/out.txt" || complain "${words[*]}: $(cat "$work/out.txt")"
done
grep -ohE '\{"[a-z-]+", *(no|required|optional)_argument' "$root"/launch/commands/{,data/}*.c | cut -d '"' -f 2 | sort -u >"$work/taken.txt"
(($(wc -l <"$work/taken.txt") > 40)) || complain "the options of the sources were not found"
while read -r name; do
  grep -qE "^option [^ ]+ --$name " "$work/lines.txt" || complain "--$name is taken, but in no help"
done <"$work/taken.txt"

say "bash"
mkdir -p "$work/here/runs/first" "$work/here/runs/second" "$work/here/nothing"
touch "$work/here/runs/first/config.yaml" "$work/here/runs/second/config.yaml" "$work/here/my.yaml" "$work/here/other.txt"
cd "$work/here"
cat >"$work/ask.bash" <<'ASK'
# ask.bash COMPLETION WORD...: what is offered for the last word, one a line.
source "$1"
shift
compopt() { :; } # there is no line that is being typed
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_plateau
printf '%s\n' "${COMPREPLY[@]}" | sort
ASK
offers() { bash "$work/ask.bash" "$root/packaging/completion/plateau.bash" "$plateau" "$@" | tr '\n' ' '; }
check() { # WANT WORD...
  local want=$1 got
  shift
  got=$(offers "$@")
  [[ $got == "$want " ]] || complain "${*@Q}: offers $got instead of $want"
}
check "report" rep
check "train tune" t
check "--seed --servers --set" train --s
check "cluster.security= cluster.servers=" train x.yaml --set cluster.se
check "bsam bsam+" train x.yaml --set strategy.name = bsa
check "vbpr" train x.yaml --set model.name = v
check "false true" train x.yaml --set run.log_view =
check "runs/first" evaluate fir
check "csv json markdown table" compare --format ''
check "my.yaml" train my
check "runs/first" evaluate runs/f
check "runs/first runs/second" inspect ''
check "mpirun slurm" launch ''
check "my.yaml" launch slurm my
check "--force" data import --forc
check "--kind" data synth --ki
check "planted sphere" data synth d --kind ''
check "grid" tune my.yaml --set tune.search = g
check "drop=" fault-proxy s.yaml --set dr
check "vbpr" help vb
check "other.txt" fault-proxy o
check "--kcore" data import --kc
check "" data check --kc

say "zsh"
command -v zsh >/dev/null || { say "not checked: there is no zsh"; conclude; exit; }
cat >"$work/ask.zsh" <<'ASK'
# ask.zsh COMPLETION WORD...: the same. What zsh's own functions would do with the word is done here.
setopt extendedglob
file=$1
shift
words=("$@") CURRENT=$# PREFIX=${words[-1]}
offer() { local word; for word in "$@"; do [[ $word != "$PREFIX"* ]] || print -r -- $word; done }
compadd() { local all=$argv[(Ie)-U]; while [[ $1 != -- ]]; do shift; done; shift; if ((all)); then print -rl -- "$@"; else offer "$@"; fi }
compset() { PREFIX=${PREFIX#*=} }
_describe() { offer ${${(P)2}%%:*} }
_files() { if [[ $1 == -g ]]; then offer $~2; elif [[ $1 == -/ ]]; then offer *(/N); else offer *(N); fi }
{ source $file } | sort
ASK
zsh_offers() { zsh -f "$work/ask.zsh" "$root/packaging/completion/_plateau" "$plateau" "$@" | tr '\n' ' '; }
check_zsh() { # WANT WORD...
  local want=$1 got
  shift
  got=$(zsh_offers "$@")
  [[ ${got% } == "$want" ]] || complain "zsh: ${*@Q}: offers $got instead of $want"
}
check_zsh "report" rep
check_zsh "--seed --servers --set" train --s
check_zsh "cluster.security= cluster.servers=" train x.yaml --set cluster.se
check_zsh "bsam bsam+" train x.yaml --set strategy.name=bsa
check_zsh "false true" train x.yaml --set run.log_view=
check_zsh "runs/first" evaluate runs/f
check_zsh "runs/first runs/second" inspect ''
check_zsh "csv json markdown table" compare --format ''
check_zsh "my.yaml" train my
check_zsh "mpirun slurm" launch ''
check_zsh "my.yaml" launch slurm my
check_zsh "--kcore" data import --kc
check_zsh "" data check --kc
check_zsh "planted sphere" data synth d --kind ''
check_zsh "grid" tune my.yaml --set tune.search=g
check_zsh "drop=" fault-proxy s.yaml --set dr
check_zsh "vbpr" help vb
conclude
