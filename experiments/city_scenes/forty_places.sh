#!/usr/bin/env bash
# Teachers and students on little data: the embedded scenes cut down to forty places (400 clips of a second) for training and
# forty others for validation. Teachers with and without mixup; students on labels, and distilled from cached targets or from
# teachers on the student's views, with the teachers' mixup or all clips mixed in uniform shares. Can be run again after a stop.
# About 40 minutes a seed.
#   experiments/city_scenes/forty_places.sh [FOLDER]        (default runs/forty_places)
# Environment: SEEDS, default "0"; NAMES, some of the students.
set -euo pipefail
here=$(dirname "$0") out=${1:-runs/forty_places}
mkdir -p "$out"
export out
places="--data synthetic --set data.synthetic_train_locations=8 --set data.validation_share=0.5"
two="--config $here/two_teachers.yaml"
mixed="--set augment.mixup_p=0.5"
teach() { # name [argument ...]
  local name=$1
  shift
  [ -f "$out/teachers_$name.json" ] || hwasc teach $places "$@" --workers 2 --out "$out/teachers_$name.json"
}
teach three-mixed $mixed --set teachers.folds=4 --set teachers.train.epochs=75
teach two-mixed $mixed $two --set teachers.train.epochs=100
teach two-unmixed --set augment.mixup_p=0 $two --set teachers.train.epochs=75
python "$here/../distillation/students.py" "$out"
cached="$two --set teachers.train.epochs=100 --set distill.alpha=0.9"
views="$cached --set distill.teacher_view=augmented --set distill.teacher_views=32"
uniform="--set distill.augment.mixup_p=1.0 --set distill.augment.mixup_alpha=1.0"
student() { # seed name argument ...
  local seed=$1 name=$2
  shift 2
  hwasc distill --arch "$out/grn.json" --set distill.seed="$seed" --run "$out/$name-$seed" --set distill.qat.epochs=2 "$@"
}
export -f student
for seed in ${SEEDS:-0}; do
  while read -r name epochs settings; do
    case " ${NAMES:-$name} " in *" $name "*) echo "$seed $name $places $mixed --set distill.train.epochs=$epochs $settings" ;; esac
  done <<EOF
labels 160 --set distill.alpha=0
labels-uniform 160 --set distill.alpha=0 $uniform
distilled-cached 160 $cached
distilled 160 $views
distilled-uniform 160 $views $uniform
distilled-600 600 $views
distilled-uniform-600 600 $views $uniform
EOF
done | xargs -r -P 2 -L 1 bash -c 'student "$@"' _
python - "$out" <<'EOF'
import json, pathlib, sys

for path in sorted(pathlib.Path(sys.argv[1]).glob("*/result.json")):
    found = json.loads(path.read_text())["validation"]
    print(f"{path.parent.name:24} validation, float {found['float']:.1%}  int8 {found['int8']:.1%}")
EOF
