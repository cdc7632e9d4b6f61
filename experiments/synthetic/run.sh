#!/usr/bin/env bash
# The study on the embedded scenes: teachers and fusion over three seeds, a search at half of the DCASE 2024 baseline's MACs and
# activations, then the found student (distilled, and on labels alone) and the baseline over three seeds, distilled alike.
# Resumable: run it again. About two and a half hours on two cores.
#   experiments/synthetic/run.sh [FOLDER]        (default runs/synthetic)
set -euo pipefail
out=${1:-runs/synthetic}
here=$(dirname "$0")
mkdir -p "$out"
export out
hwasc teach --data synthetic --workers 2 --seeds 3 --split test --out "$out/fusion_test.json"
hwasc search --data synthetic --budget "$here/budget.yaml" --workers 2 --run "$out/search" --out "$out/best.json"
distill() { # seed name architecture [argument ...]
  local seed=$1 name=$2 arch=$3
  shift 3
  hwasc distill --data synthetic --arch "$arch" --run "$out/$name-$seed" --set distill.seed="$seed" "$@"
}
export -f distill
for seed in 0 1 2; do
  echo "$seed baseline dcase2024_baseline"
  echo "$seed found $out/best.json"
  echo "$seed found-labels $out/best.json --set distill.alpha=0"
done | xargs -r -P 2 -L 1 bash -c 'distill "$@"' _
python "$here/../summary.py" "$out" --budget "$here/budget.yaml" --curve "$out/search.svg"
