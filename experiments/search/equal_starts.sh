#!/usr/bin/env bash
# Is the found net better than the published one of the same cost, trained alike? For each published net, a search at its MACs and its
# RAM in both runtimes, and one at half of both, all on one supernet. Finalists are trained from random weights, too, in two rungs.
# Then every net is distilled from random weights, by the same teachers, for as many epochs, over seeds. Can be run again after a
# stop, and in parts: what results_equal_starts holds is not run again once it is copied to FOLDER.
#   experiments/search/equal_starts.sh [FOLDER]                                          (default runs/equal_starts)
# Environment: NETS, default "cp_mobile_8 cp_mobile_16 cp_mobile_24 cp_mobile dcase2024_baseline"; SHARES, default "100 50"; EPOCHS,
# default "40 160"; SEEDS, default "0 1 2"; SPACE, default plain; SEARCH, settings of the searches (name=value ...);
# CONFIG, a settings file for every command, in place of the default of SEARCH; WORKERS, processes at a time, default 2.
set -euo pipefail
here=$(dirname "$0") out=${1:-runs/equal_starts}
nets=${NETS:-cp_mobile_8 cp_mobile_16 cp_mobile_24 cp_mobile dcase2024_baseline} shares=${SHARES:-100 50}
mkdir -p "$out"
settings=(--set search.supernet.budget=dcase2024 --set search.rescore_from=random)
default="search.trials=150 search.proxy_precision=float search.rescore=3 search.rungs=2 search.rescore_train.epochs=20"
default+=" search.guided=0 search.proxy_batch=16 search.supernet.candidates=4" # defaults when the first of these searches ran
[ -z "${CONFIG:-}" ] || default=
for setting in ${SEARCH:-$default}; do settings+=(--set "$setting"); done
before=()
for net in $nets; do
  for share in $shares; do
    budget=$out/$net-$share.yaml run=$out/search-$net-$share
    cat >"$budget" <<END
schema: 1
name: $net-$share
source: The study experiments/search/equal_starts.sh
reference: $net
limits:
  parameter_memory: {max: 128_000}
  macs: {max: "$share%", count: torchinfo}
  arena: {max: "$share%"}
  ram: {max: "$share%", runtime: c}
END
    [ -f "$run/best.json" ] || hwasc search --data synthetic --space "${SPACE:-plain}" --budget "$budget" --workers "${WORKERS:-2}" \
      ${CONFIG:+--config "$CONFIG"} "${settings[@]}" "${before[@]}" --run "$run"
    [ ! -f "$run/trials.jsonl" ] || before=(--start-from "$run") # scores by the same supernet hold
  done
done
distill() { # run architecture seed epochs
  [ -f "$1/result.json" ] || hwasc distill --data synthetic --arch "$2" --initial-weights random --set "distill.seed=$3" \
    --set "distill.train.epochs=$4" ${CONFIG:+--config "$CONFIG"} --run "$1"
}
export -f distill
for epochs in ${EPOCHS:-40 160}; do
  for seed in ${SEEDS:-0 1 2}; do
    for net in $nets; do
      echo "$out/$net.$epochs-$seed $net $seed $epochs"
      for share in $shares; do
        echo "$out/$net@$share.$epochs-$seed $out/search-$net-$share/best.json $seed $epochs"
      done
    done
  done
done | xargs -P "${WORKERS:-2}" -L 1 bash -c 'distill "$@"' _
python "$here/equal_starts.py" "$out"
