#!/usr/bin/env bash
# What does each kind of block, each size of the log-mel, or each form of GRN bring at equal MACs? The nets of blocks.py, resolution.py
# or responses.py, from random weights, by the same teachers. Three seeds, paired. Can be run again after a stop.
#   experiments/search/equal_macs.sh blocks|resolution|responses [FOLDER]                           (default runs/blocks and so on)
# Environment: SEEDS, default "0 1 2"; NETS, some of the nets; SETTINGS, further settings (name=value ...).
set -euo pipefail
here=$(dirname "$0") study=${1:?blocks, resolution or responses} out=${2:-runs/$1}
case $study in
  blocks) against=ir ;;
  resolution) against=cp_mobile_8 ;;
  responses) against=cp_mobile_8-scalar-sum-l2 ;;
  *) echo "expected blocks, resolution or responses, found $study" >&2 && exit 2 ;;
esac
python "$here/$study.py" "$out/nets"
more=()
for setting in ${SETTINGS:-}; do more+=(--set "$setting"); done
for seed in ${SEEDS:-0 1 2}; do
  for net in "$out"/nets/*.json; do
    name=$(basename "$net" .json) run=$out/$(basename "$net" .json)-$seed
    case " ${NETS:-$name} " in *" $name "*) ;; *) continue ;; esac
    [ -f "$run/result.json" ] || hwasc distill --arch "$net" --data synthetic --initial-weights random \
      --set "distill.seed=$seed" "${more[@]}" --run "$run"
  done
done
python "$here/../distillation/paired.py" "$out" --against "$against"
