#!/usr/bin/env bash
# The main way on a folder of real recordings, split by recording: search, then the found student distilled over three seeds and
# once on labels alone. Resumable: run it again. Took ten minutes on two cores for 44 recordings (20 minutes
# of sound) when teachers and students had fewer epochs; it has not been run with those of today.
#   experiments/city_scenes/run.sh RECORDINGS RESPONSES [FOLDER]
# RECORDINGS: a folder with meta.csv or <scene>/<file>; RESPONSES: impulse responses of microphones (e.g. MicIRP).
set -euo pipefail
recordings=$1 responses=$2 out=${3:-runs/city_scenes}
mkdir -p "$out"
common=(--data "$recordings" --config "$(dirname "$0")/settings.yaml" --set "augment.response_folder=$responses")
hwasc teach "${common[@]}" --workers 2 --json >"$out/fusion_validation.json"
hwasc search "${common[@]}" --budget dcase2024 --workers 2 --run "$out/search" --out "$out/best.json"
distill() { # name seed [argument ...]
  local name=$1 seed=$2
  shift 2
  hwasc distill "${common[@]}" --arch "$out/best.json" --run "$out/$name-$seed" --set distill.seed="$seed" "$@"
}
distill found 0 &
distill found-labels 0 --set distill.alpha=0 --set distill.teacher_view=cached --set distill.teacher_views=0 --set distill.augment=null
wait
distill found 1 &
distill found 2
wait
python "$(dirname "$0")/../summary.py" "$out"
