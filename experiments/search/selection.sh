#!/usr/bin/env bash
# How much does a winner's figure promise too much? Searches with finalists scored on validation clips, and over folds; the second of
# them starts from the best points of the first one, and takes over its first scores. Second scores train as long as the student is
# distilled in the end (40 epochs), so that the figures can be compared.
# Each winner is distilled with the same teachers from random weights and tested. Each of four parts is test once; all have the same
# seed, since another one would divide the locations otherwise, and parts would overlap.
# Can be run again after a stop.
#   experiments/search/selection.sh DATA RESPONSES [FOLDER]               (default runs/selection)
# DATA: a folder with meta.csv or <scene>/<file>; RESPONSES: impulse responses of microphones (e.g. MicIRP).
# Environment: PARTS, default "1 2 3 4"; KINDS, default "validation folds"; BUDGET, default half_16.yaml beside this file; SETTINGS,
# further settings (name=value ...).
set -euo pipefail
here=$(dirname "$0") out=${3:-runs/selection}
budget=${BUDGET:-$here/half_16.yaml}
common=(--data "$1" --set "augment.response_folder=$2" --set "augment.response_devices=[]" --effort quick)
for setting in ${SETTINGS:-}; do common+=(--set "$setting"); done
mkdir -p "$out"
for part in ${PARTS:-1 2 3 4}; do
  own=(--set "data.fold=$part/4")
  for kind in ${KINDS:-validation folds}; do
    search=$out/$kind-search-$part run=$out/$kind-$part from=() epochs=40
    other=$out/$([ "$kind" = folds ] && echo validation || echo folds)-search-$part
    [ ! -f "$other/best.json" ] || from=(--start-from "$other")
    [ "$kind" = validation ] || epochs=20 # over folds a net starts from random weights, and has twice as many
    [ -f "$search/best.json" ] || hwasc search --budget "$budget" "${common[@]}" "${own[@]}" "${from[@]}" \
      --config "$here/former_defaults.yaml" --set search.supernet.train.epochs=8 \
      --set "search.rescore_on=$kind" --set "search.rescore_train.epochs=$epochs" --run "$search"
    [ -f "$run/result.json" ] || hwasc distill --arch "$search/best.json" "${common[@]}" "${own[@]}" \
      --set distill.train.epochs=40 --set distill.qat.epochs=3 --initial-weights random --run "$run"
  done
done
python "$here/selection.py" "$out"
