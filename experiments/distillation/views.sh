#!/usr/bin/env bash
# How a student comes to profit from a teacher that knows more: labels alone, targets of a probe on a pretrained net (in-sample,
# out-of-fold, out-of-fold corrected by the label), teachers on the clips as recorded, on views in log-mel (families alone) and on
# views in the waveform. The same student, three seeds, paired. Can be run again after a stop.
#   hwasc data fetch yamnet
#   experiments/distillation/views.sh embedded [FOLDER]                          (default runs/views_embedded)
#   experiments/distillation/views.sh recordings DATA RESPONSES [FOLDER] [ARCH]  (default runs/views_recordings; four parts)
# DATA: a folder with meta.csv or <scene>/<file>; RESPONSES: impulse responses of microphones (e.g. MicIRP); ARCH: a student for the
# data's classes, default that of ../city_scenes. Both defaults are CP-Mobile with 16 channels at 64 x 33.
# Environment: SEEDS, default "0 1 2"; ARMS, some of the arms below; VIEWS, views of a clip, default 16; WORKERS, default 2; PARTS,
# default "1 2 3 4"; SETTINGS, further settings for all (name=value ...).
set -euo pipefail
here=$(dirname "$0") study=${1:-embedded}
case $study in
  embedded)
    out=${2:-runs/views_embedded} parts="" arch=""
    common=(--data synthetic)
    ;;
  recordings)
    data=$2 responses=$3 out=${4:-runs/views_recordings} arch=${5:-$here/../city_scenes/student.json} parts=${PARTS:-1 2 3 4}
    common=(--data "$data" --set "augment.response_folder=$responses" --set augment.response_devices=[]
      --set augment.mixup_p=0.5 --set teachers.folds=4 --set teachers.train.epochs=60
      --set distill.train.epochs=160 --set distill.qat.epochs=8)
    ;;
  *) echo "expected embedded or recordings, found $study" >&2 && exit 2 ;;
esac
for setting in ${SETTINGS:-}; do common+=(--set "$setting"); done
mkdir -p "$out"
[ -n "$arch" ] || { python "$here/students.py" "$out" && arch=$out/grn.json; }
export here out arch
arms() { # name, teachers (probe: with the probe; families: without), settings
  local views=distill.teacher_views=${VIEWS:-16}
  local waveform="distill.teacher_view=waveform $views"
  echo "labels families distill.alpha=0"
  echo "labels-waveform families distill.alpha=0 $waveform"
  echo "families-cached families"
  echo "families-logmel families distill.teacher_view=augmented $views"
  echo "families-waveform families $waveform"
  for targets in all out_of_fold corrected; do
    echo "probe-cached-$targets probe distill.targets=$targets"
    echo "probe-waveform-$targets probe distill.targets=$targets $waveform"
  done
}
student() { # run teachers common ... -- settings ...
  local run=$out/$1 teachers=$2 given=()
  shift 2
  while [ "$1" != -- ]; do given+=("$1") && shift; done
  shift
  hwasc distill --arch "$arch" --run "$run" --config "$here/views_$teachers.yaml" "${given[@]}" "${@/#/--set=}"
}
export -f student
for seed in ${SEEDS:-0 1 2}; do
  for part in ${parts:-whole}; do
    where=() suffix=""
    [ "$part" = whole ] || where=(--set "data.fold=$part/4") suffix=_$part
    while read -r name teachers settings; do
      case " ${ARMS:-$name} " in
        *" $name "*)
          echo "$name$suffix-$seed $teachers ${common[*]@Q} ${where[*]@Q} -- distill.seed=$seed${settings:+ $settings}" # no blank at the end: xargs would join lines
          ;;
      esac
    done < <(arms)
  done
done | xargs -r -P "${WORKERS:-2}" -L 1 bash -c 'student "$@"' _
for base in labels families-cached; do
  ! compgen -G "$out/$base[_-][0-9]*" >/dev/null || python "$here/paired.py" "$out" --against "$base"
done
