# random_config.sh - draws configurations: model, strategy, optimizer and the options of each, features, batch and leaves,
# stages of a procedure. Sourced after lib.sh.
#   learn               first: data are made in $work/data; asks the binary what there is
#   draw_config         writes $work/config.yaml; sets model, strategy, optimizer
#   $only[KIND]         KIND models, strategies, optimizers: no others than these
# The draws are of RANDOM: who seeds it has the same ones again.
# shellcheck shell=bash disable=SC2154
# one_of WORDS: sets $picked. (A subshell would draw from a generator of its own.)
one_of() { local words=("$@"); picked=${words[RANDOM % ${#words[@]}]}; }
# choose NAME WORDS: sets the variable.
choose() { local name=$1; shift; one_of "$@"; printf -v "$name" '%s' "$picked"; }

# What there is, and the options of each, as the binary tells: what is added to it is drawn here.
#   names[KIND]
#   table[KIND NAME]   rows "key<tab>type<tab>default<tab>range" of its own options
#   needs[KIND NAME]   what else it must have configured
declare -A names table needs
learn() {
  local kind name text
  quietly "$plateau" data synth "$work/data" --users 120 --items 90 --interactions 1500 \
    --modalities text:12,image:8,audio:5 --seed 3
  for kind in models strategies optimizers; do
    names[$kind]=${only[$kind]:-$("$plateau" help "$kind" --names | tr '\n' ' ')}
    for name in ${names[$kind]}; do
      needs[$kind $name]=$("$plateau" help "$kind" "$name" | sed -n 's/^needs //p')
      text=$("$plateau" help "$kind" "$name" --markdown | sed -n 's/^| `//p')
      table[$kind $name]=$(sed 's/` *| */\t/; s/ *| */\t/g' <<<"$text" | cut -f 1-4)
    done
  done
}

# draw_int RANGE DEFAULT: near the low end, where shapes change.
draw_int() {
  local ends default=$2
  IFS=', ' read -r -a ends <<<"${1:1:-1}"
  choose picked $((ends[0] + RANDOM % 4)) $((ends[0] + RANDOM % 30)) ${default:+"$default"}
  [[ ${ends[1]} == inf ]] || ((picked <= ends[1])) || picked=${ends[1]}
}
# draw_real RANGE DEFAULT
draw_real() {
  local fitting
  mapfile -t fitting < <(awk -v range="$1" 'BEGIN {
    split(substr(range, 2, length(range) - 2), end, ", ")
    for (i = split("0 0.01 0.5 0.9", value, " "); i > 0; i--)
      if (range == "" || (value[i] >= end[1] + (range ~ /^\(/ ? 1e-9 : 0) && (end[2] == "inf" || value[i] <= end[2] + 0)))
        print value[i] }')
  one_of "${fitting[@]}" ${2:+"$2"}
}
# One number per layer: the one option whose length another one says.
draw_fanout() {
  local i list=''
  for ((i = 0; i < layers; i++)); do list+="${list:+, }$((1 + RANDOM % 6))"; done
  one_of exact "[$list]"
}
# A number for each of the modalities.
draw_weights() {
  local feature list=''
  for feature in ${features//,/ }; do
    one_of 0.1 0.5 2
    list+="${list:+, }${feature%_feat.npy}: $picked"
  done
  picked="{$list}"
}
# draw_value KEY TYPE DEFAULT RANGE: sets $picked; empty: as it is.
draw_value() {
  local choices
  picked=
  case $2 in
    "true or false") one_of true false ;;
    "a whole number") [[ $1 != *.layers ]] && draw_int "$4" "$3" || one_of 1 2 3 ;;
    "a number") draw_real "$4" "$3" ;;
    "a mapping of names to numbers") draw_weights ;;
    "a list of"* | "a text" | "a path") [[ $1 != *.fanout ]] || draw_fanout ;;
    *)
      mapfile -t choices <<<"${2//, /$'\n'}"
      one_of "${choices[@]}"
      ;;
  esac
}
# draw_options KIND NAME PERCENT: sets $options, ", key: value" for so many of its rows.
draw_options() {
  local key type default range
  options=
  while IFS='|' read -r key type default range; do
    [[ $key != *.layers ]] || layers=$default
    [[ -n $key ]] && ((RANDOM % 100 < $3)) || continue
    draw_value "$key" "$type" "$default" "$range"
    [[ -z $picked ]] || options+=", ${key##*.}: $picked"
    [[ $key != *.layers ]] || layers=$picked
  done < <(tr '\t' '|' <<<"${table[$1 $2]}")
}
# draw_one KIND PERCENT: sets $chosen, and $options as draw_options does.
draw_one() {
  local all
  read -r -a all <<<"${names[$1]}"
  choose chosen "${all[@]}"
  draw_options "$1" "$chosen" "$2"
}

# draw_stages MODEL: sets $stages, a short procedure: of a model that stands for one, and now and then of any other.
draw_stages() {
  local environments rounds labels fresh outer mask merge mi fusion second
  stages=
  choose environments 1 2 3
  choose rounds 1 2
  choose labels random keep
  choose fresh same round
  choose outer 1 2
  mask="{repeat: $outer, stages: [{stage: environments, environments: $environments, rounds: $rounds, labels: $labels,
    fresh: $fresh, stop_share: 0.02, train: {epochs: 1}}, {stage: mask, sigma: 0.1, growth: 1.3, train: {epochs: 1}}]}"
  case $1 in
    invrl) stages="[{stage: pretrain, train: {epochs: 1}}, $mask, {stage: final}]" ;;
    m3invrl)
      choose mi vclub cross_correlation none
      choose merge '' '{stage: merge, train: {epochs: 1}},'
      choose mask "$mask," ''
      choose fusion uniform learned validation
      stages="[{stage: encoders, mi: $mi, a_con: 0.3, a_mi: 0.2}, $mask {stage: models, train: {epochs: 1}}, $merge
        {stage: fusion, fusion: $fusion, train: {epochs: 1}}]"
      ;;
    *)
      choose second 'fresh: ["*"]' 'frozen: ["user*"]' 'strategy: {name: plain}'
      ((RANDOM % 5 > 0)) || stages="[{stage: train, name: first, train: {epochs: 1}}, {stage: train, $second}]"
      ;;
  esac
}

draw_config() {
  local chosen options layers of_model of_strategy dim batch micro
  choose features text_feat.npy "image_feat.npy, text_feat.npy" "text_feat.npy, image_feat.npy, audio_feat.npy"
  draw_one models 75
  model=$chosen of_model=$options
  [[ ${needs[models $model]} == data.features ]] || features=
  [[ $model != m3invrl || $features == *,* ]] || features="image_feat.npy, text_feat.npy"
  [[ $model != m3invrl ]] || of_model=${of_model/width: [0-9]*/width: $((2 + RANDOM % 5 * 2))}
  draw_stages "$model"
  draw_one strategies 25
  strategy=$chosen of_strategy=$options
  draw_one optimizers 10
  optimizer=$chosen
  choose dim 1 5 32
  choose batch 30 100 256 1000
  choose micro 1 7 64 256
  ((micro <= batch && micro * 60 >= batch)) || micro=$batch
  cat >"$work/config.yaml" <<YAML
run: {seed: $RANDOM}
data: {path: $work/data, features: [$features]}
model: {name: $model, dim: $dim$of_model}
strategy: {name: $strategy$of_strategy}
optimizer: {name: $optimizer, lr: 0.01$options}
train: {epochs: 2, batch_size: $batch, micro_batch: $micro, log_every: 1}
eval: {topk: [3, 20]}
${stages:+procedure: $stages}
YAML
}
