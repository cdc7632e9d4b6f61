#!/usr/bin/env bash
# When does the start from the search's weights help? For each seed one search, then its winner distilled twice with the same seed,
# teachers and clips: from random weights, and from the weights that the search has of it. Can be run again after a stop.
#   experiments/distillation/start.sh embedded [FOLDER]                    (default runs/start_embedded)
#   experiments/distillation/start.sh recordings DATA RESPONSES [FOLDER]   (default runs/start_recordings; seed s has part s + 1 of 4)
# DATA: a folder with meta.csv or <scene>/<file>; RESPONSES: impulse responses of microphones (e.g. MicIRP).
# Environment: SEEDS, default "0 1 2"; SETTINGS, further settings for search and students (name=value ...).
set -euo pipefail
here=$(dirname "$0") study=${1:-embedded} seeds=${SEEDS:-0 1 2}
case $study in
  embedded) out=${2:-runs/start_embedded} common=(--data synthetic) budget=$here/../search/half_16.yaml ;;
  recordings)
    out=${4:-runs/start_recordings} budget=dcase2024
    common=(--data "$2" --set "augment.response_folder=$3" --set "augment.response_devices=[]")
    ;;
  *) echo "expected embedded or recordings, found $study" >&2 && exit 2 ;;
esac
for setting in ${SETTINGS:-}; do common+=(--set "$setting"); done
mkdir -p "$out"
full=(--set distill.train.epochs=40 --set distill.qat.epochs=3) # the default training, by the teachers of the search
for seed in $seeds; do
  own=(--seed "$seed")
  [ "$study" = embedded ] || own+=(--set "data.fold=$((seed % 4 + 1))/4")
  search=$out/search-$seed
  [ -f "$search/best.json" ] || hwasc search --effort quick --config "$here/../search/former_defaults.yaml" \
    --set search.supernet.train.epochs=8 --set search.rescore_on=validation --budget "$budget" "${common[@]}" "${own[@]}" --run "$search"
  for start in random winner; do
    run=$out/$start-$seed
    [ -f "$run/result.json" ] && continue
    hwasc distill --arch "$search/best.json" --effort quick "${common[@]}" "${own[@]}" "${full[@]}" \
      --initial-weights "$start" --run "$run"
  done
done
python "$here/paired.py" "$out" --against random
