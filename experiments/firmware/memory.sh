#!/usr/bin/env bash
# What does the memory buy? Two searches with the same settings: 64 KiB from microphone to class in the C export, and 64 KiB of
# TensorFlow Lite Micro's arena. Each winner is distilled over seeds. Can be run again after a stop.
#   experiments/firmware/memory.sh [FOLDER] [hwasc argument ...]      (default runs/memory; e.g. --cache DIR)
# Environment: SEEDS, default "0 1 2"; TRIALS, default 80.
set -euo pipefail
here=$(dirname "$0") out=${1:-runs/memory}
shift || true
mkdir -p "$out"
export here out
search() { # name [argument ...]
  local name=$1
  shift
  hwasc search --data synthetic --config "$here/memory.yaml" --budget "$here/memory_$name.yaml" --trials "${TRIALS:-80}" \
    --rescore 4 --run "$out/search_$name" --out "$out/found_$name.json" "$@" >"$out/search_$name.log" 2>&1
}
distill() { # seed name [argument ...]
  local seed=$1 name=$2
  shift 2
  hwasc distill --data synthetic --config "$here/memory.yaml" --arch "$out/found_$name.json" --run "$out/$name-$seed" \
    --set distill.seed="$seed" "$@" >"$out/$name-$seed.log" 2>&1
}
export -f search distill
printf '%s\n' c arena | xargs -P 2 -I{} bash -c 'search {} "$@"' _ "$@"
for seed in ${SEEDS:-0 1 2}; do printf '%s\n' "$seed c" "$seed arena"; done | xargs -P 2 -L 1 bash -c 'distill "$@" '"${*@Q}" _
hwasc compare "$out" --html "$out/comparison.html"
