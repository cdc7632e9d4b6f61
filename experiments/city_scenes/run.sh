#!/usr/bin/env bash
# The main way on a folder of real recordings, split by recording: search, then the found student distilled and trained on
# labels alone, three seeds each. Resumable: run it again. About a quarter of an hour on two cores for 44 recordings (20 minutes of sound).
#   experiments/city_scenes/run.sh RECORDINGS RESPONSES [FOLDER]
# RECORDINGS: a folder with meta.csv or <scene>/<file>; RESPONSES: impulse responses of microphones (e.g. MicIRP).
set -euo pipefail
recordings=$1 responses=$2 out=${3:-runs/city_scenes}
mkdir -p "$out"
common=(--data "$recordings" --config "$(dirname "$0")/settings.yaml" --set "augment.response_folder=$responses")
hwasc teach "${common[@]}" --workers 2 --json >"$out/fusion_validation.json"
hwasc search "${common[@]}" --budget dcase2024 --workers 2 --run "$out/search" --out "$out/best.json"
for seed in 0 1 2; do
  hwasc distill "${common[@]}" --arch "$out/best.json" --run "$out/found-$seed" --set distill.seed=$seed &
  hwasc distill "${common[@]}" --arch "$out/best.json" --run "$out/found-labels-$seed" --set distill.seed=$seed --set distill.alpha=0
  wait
done
python "$(dirname "$0")/../summary.py" "$out"
