#!/usr/bin/env bash
# Searches compared with CP-Mobile's family (8, 16, 24, 32 base channels) and the DCASE 2024 baseline. A search at half of each
# member's MACs and activations (half_*.yaml), with a supernet of its own (40 epochs) and its winner refined; then every net is
# distilled with the same settings over seeds, the found ones from the weights that the search wrote, the published ones from
# random weights. Last, with the first seed, both for 100 epochs, and the found ones from random weights. Can be run again after a
# stop. About five hours on two cores, by the times of its parts.
#   experiments/search/front.sh [FOLDER] [hwasc argument ...]      (default runs/front; e.g. --data DIR --config FILE)
# Environment: SEEDS, default "0 1 2"; TRIALS, default 240; RESCORE, default 8; REFINE, default 1.
set -euo pipefail
here=$(dirname "$0") out=${1:-runs/front}
shift || true
mkdir -p "$out"
export here out
for base in 8 16 24 32; do
  hwasc search --budget "$here/half_$base.yaml" --config "$here/former_defaults.yaml" --set search.supernet.train.epochs=40 --workers 2 \
    --trials "${TRIALS:-240}" --rescore "${RESCORE:-8}" --refine "${REFINE:-1}" --run "$out/search_$base" --out "$out/found_$base.json" "$@"
done
distill() { # seed name architecture [argument ...]
  local seed=$1 name=$2 arch=$3
  shift 3
  hwasc distill --arch "$arch" --run "$out/$name-$seed" --set distill.seed="$seed" "$@"
}
export -f distill
for seed in ${SEEDS:-0 1 2}; do
  for base in 32 24 16 8; do
    preset=cp_mobile_$base
    echo "$seed ${preset%_32} ${preset%_32}" "$seed found_$base $out/found_$base.json"
  done | xargs -n 3
  echo "$seed dcase2024_baseline dcase2024_baseline"
done >"$out/jobs"
for base in 8 16 24 32; do
  preset=cp_mobile_$base
  echo "0 ${preset}_for_100 ${preset%_32} --set distill.train.epochs=100"
  echo "0 found_${base}_for_100 $out/found_$base.json --set distill.train.epochs=100"
  echo "0 found_${base}_from_random $out/found_$base.json --initial-weights random"
done >>"$out/jobs"
<"$out/jobs" xargs -P 2 -L 1 bash -c 'distill "$@" '"${*@Q}" _
hwasc compare "$out" --html "$out/comparison.html"
