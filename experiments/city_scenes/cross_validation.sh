#!/usr/bin/env bash
# One student on real recordings, distilled and on labels alone (with the teachers' mixup, with the distilled student's, without
# any), over four parts of the recordings, each tested once, and three seeds. Can be run again after a stop. An hour and a half on two cores.
#   experiments/city_scenes/cross_validation.sh RECORDINGS RESPONSES [FOLDER] [ARCH]
# RECORDINGS: a folder with meta.csv or <scene>/<file>; RESPONSES: impulse responses of microphones (e.g. MicIRP).
# ARCH: a file or a preset; default student.json, CP-Mobile with 16 channels at the teachers' front end.
# Environment: ARMS, some of "distilled labels labels-uniform labels-unmixed".
set -euo pipefail
here=$(dirname "$0") recordings=$1 responses=$2 out=${3:-runs/city_folds} arch=${4:-$here/student.json}
mkdir -p "$out"
export here recordings responses out arch
common() { # verb part [argument ...]
  local verb=$1 part=$2
  shift 2
  hwasc "$verb" --data "$recordings" --config "$here/settings.yaml" --set "augment.response_folder=$responses" \
    --set data.fold="$part/4" "$@"
}
student() { # part seed name [argument ...]
  local part=$1 seed=$2 name=$3
  shift 3
  common distill "$part" --arch "$arch" --run "$out/${name}_$part-$seed" --set distill.seed="$seed" "$@"
}
export -f common student
for part in 1 2 3 4; do # teachers are trained once a part, by two processes
  [ -f "$out/teachers_$part.json" ] || common teach "$part" --workers 2 --split test --out "$out/teachers_$part.json"
done
alone="--set distill.alpha=0 --set distill.teacher_view=cached --set distill.teacher_views=0"
arms() { # part seed
  echo "$1 $2 distilled"
  echo "$1 $2 labels $alone --set distill.augment=null"
  echo "$1 $2 labels-uniform $alone"
  echo "$1 $2 labels-unmixed $alone --set distill.augment=null --set augment.mixup_p=0"
}
for seed in 0 1 2; do
  for part in 1 2 3 4; do
    arms "$part" "$seed" | while read -r line; do
      read -r _ _ name _ <<<"$line "
      case " ${ARMS:-$name} " in *" $name "*) echo "$line" ;; esac
    done
  done
done | xargs -r -P 2 -L 1 bash -c 'student "$@"' _
python "$here/folds.py" "$out"
