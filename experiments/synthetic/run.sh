#!/usr/bin/env bash
# The study on the embedded scenes: teachers and fusion, one search, then the found student (distilled, and on labels alone) over
# three seeds and the DCASE 2024 baseline, distilled alike; what is set for the search was the default when it ran (but its space
# had no windows to choose from, so that it draws other candidates today). Resumable: run it again. About an hour and a half on two cores.
#   experiments/synthetic/run.sh [FOLDER]        (default runs/synthetic)
set -euo pipefail
out=${1:-runs/synthetic}
here=$(dirname "$0")
mkdir -p "$out"
hwasc teach --data synthetic --workers 2 --json >"$out/fusion_validation.json"
hwasc search --data synthetic --budget "$here/budget.yaml" --workers 2 --run "$out/search" --out "$out/best.json" \
  --space "$here/space.yaml" --proxy distillation --trials 24 --rescore 4 --set search.population=8 --set search.at_a_time=4 \
  --set distill.targets=out_of_fold
distill() { # name architecture seed [argument ...]
  local name=$1 arch=$2 seed=$3
  shift 3
  hwasc distill --data synthetic --arch "$arch" --run "$out/$name-$seed" --set distill.seed="$seed" "$@"
}
for seed in 0 1 2; do
  distill found "$out/best.json" $seed &
  distill found-labels "$out/best.json" $seed --set distill.alpha=0
  wait
done
distill found-oof "$out/best.json" 0 --set distill.targets=out_of_fold &
distill baseline dcase2024_baseline 0
wait
python "$here/../summary.py" "$out" --budget "$here/budget.yaml" --curve "$out/search.svg"
