#!/usr/bin/env bash
# What costs nothing on the chip: one setting of the student's training on at a time, then all together, against the same student
# with none, on labels alone and distilled, from random weights. Three seeds, paired. With WINNER, a best.json whose search left
# weights beside it, also where the training starts. Can be run again after a stop.
#   experiments/distillation/students_side.sh embedded [FOLDER]                          (default runs/side_embedded)
#   experiments/distillation/students_side.sh recordings DATA RESPONSES [FOLDER] [ARCH]  (default runs/side_recordings; four parts)
# DATA: a folder with meta.csv or <scene>/<file>; RESPONSES: impulse responses of microphones (e.g. MicIRP); ARCH: a student for the
# data's classes, default that of ../city_scenes. Both defaults are CP-Mobile with 16 channels at 64 x 33.
# Environment: SEEDS, default "0 1 2"; LOSSES, default "labels distilled"; ARMS, some of the arms below; WINNER, see above, of the same
# training clips, else its weights are not used; PARTS, default "1 2 3 4"; WORKERS, default 2; SETTINGS, further settings for all
# (name=value ...).
set -euo pipefail
here=$(dirname "$0") study=${1:-embedded}
case $study in
  embedded)
    out=${2:-runs/side_embedded} parts="" arch="" longer=160
    common=(--data synthetic)
    labels="distill.alpha=0"
    ;;
  recordings)
    data=$2 responses=$3 out=${4:-runs/side_recordings} arch=${5:-$here/../city_scenes/student.json} parts=${PARTS:-1 2 3 4} longer=320
    common=(--data "$data" --config "$here/../city_scenes/settings.yaml" --set "augment.response_folder=$responses")
    labels="distill.alpha=0 distill.teacher_view=cached distill.teacher_views=0 distill.augment.mixup_p=0.5" # as in ../city_scenes
    labels+=" distill.augment.mixup_alpha=0.3"
    ;;
  *) echo "expected embedded or recordings, found $study" >&2 && exit 2 ;;
esac
for setting in ${SETTINGS:-}; do common+=(--set "$setting"); done
mkdir -p "$out"
[ -n "$arch" ] || { python "$here/students.py" "$out" && arch=$out/grn.json; }
export out
arms() { # loss: name, architecture, weights that the training starts from, settings
  local average=distill.train.average=3 branches=distill.branches=3 smoothing=distill.label_smoothing=0.1
  local equaliser=distill.augment.equaliser_p=0.5 limits=distill.augment.band_limit_p=0.5
  echo "none $arch random"
  echo "average $arch random $average"
  echo "average-both-stages $arch random $average distill.qat.average=1"
  echo "branches $arch random $branches"
  echo "smoothing $arch random $smoothing"
  echo "equaliser $arch random $equaliser"
  echo "band-limits $arch random $limits"
  echo "longer $arch random distill.train.epochs=$longer"
  echo "all $arch random $average $branches $smoothing $equaliser $limits"
  [ -n "${WINNER:-}" ] && [ "$1" = distilled ] || return 0 # labels alone never start from the search's weights
  for start in random winner both; do echo "start-$start $WINNER $start"; done
}
student() { # run architecture start common ... -- settings ...
  local run=$out/$1 arch=$2 start=$3 given=()
  shift 3
  while [ "$1" != -- ]; do given+=("$1") && shift; done
  shift
  hwasc distill --arch "$arch" --run "$run" --initial-weights "$start" "${given[@]}" "${@/#/--set=}"
}
export -f student
for seed in ${SEEDS:-0 1 2}; do
  for part in ${parts:-whole}; do
    where=() suffix=""
    [ "$part" = whole ] || where=(--set "data.fold=$part/4") suffix=_$part
    for loss in ${LOSSES:-labels distilled}; do
      [ "$loss" = labels ] && own=" $labels" || own=""
      while read -r name net start settings; do
        case " ${ARMS:-$name} " in
          *" $name "*)
            echo "$loss/$name$suffix-$seed ${net@Q} $start ${common[*]@Q} ${where[*]@Q} -- distill.seed=$seed$own${settings:+ $settings}"
            ;;
        esac
      done < <(arms "$loss")
    done
  done
done | xargs -r -P "${WORKERS:-2}" -L 1 bash -c 'student "$@"' _
for loss in ${LOSSES:-labels distilled}; do
  echo "$loss" && python "$here/paired.py" "$out/$loss" --against none
  [ ! -d "$out/$loss/start-random-0" ] || python "$here/paired.py" "$out/$loss" --against start-random
done
