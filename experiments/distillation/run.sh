#!/usr/bin/env bash
# One student (CP-Mobile, 16 base channels, log-mel 64 x 33) distilled with one setting changed at a time, over seeds of its weights,
# batches and augmentation; then with and without GRN, in noise. Can be run again after a stop. About an hour on two cores.
#   experiments/distillation/run.sh [FOLDER] [hwasc argument ...]      (default runs/distillation; e.g. --data DIR --config FILE)
# Environment: SEEDS, default "0 1 2"; WORKERS, default 2; ONLY, some of the parts "loss augment grn"; NAMES, some of the variants.
set -euo pipefail
here=$(dirname "$0") out=${1:-runs/distillation}
shift || true
mkdir -p "$out"
export out
grn=$out/grn.json no_grn=$out/no_grn.json
variants() { # name architecture settings, of one part
  case $1 in
    loss)
      echo "default $grn"
      echo "temperature_1 $grn distill.temperature=1"
      echo "temperature_4 $grn distill.temperature=4"
      for alpha in 0 0.9 1; do echo "alpha_$alpha $grn distill.alpha=$alpha"; done
      echo "reduction_mean $grn distill.reduction=mean"
      echo "targets_out_of_fold $grn distill.targets=out_of_fold"
      for view in mean z1+z2; do echo "view_$view $grn fusion.view=$view"; done
      echo "frozen_scales $grn distill.qat_frozen_epochs=1"
      echo "augmented_8_views $grn distill.teacher_view=augmented distill.teacher_views=8"
      echo "augmented_8_views_mixed $grn distill.teacher_view=augmented distill.teacher_views=8 $(only mixup_p=1 mixup_alpha=1)"
      ;;
    augment) # the student's augmentation; the teachers keep theirs
      echo "none $grn $(only mixstyle_p=0 response_p=0 roll=0 mask=0 gain=0)"
      for off in mixstyle_p response_p roll mask gain; do echo "without_$off $grn $(only $off=0)"; done
      echo "with_noise $grn $(only noise_p=0.4)"
      echo "with_mixup $grn $(only mixup_p=0.5)"
      ;;
    grn) # compared with default and with_noise
      echo "no_grn $no_grn"
      echo "no_grn_with_noise $no_grn $(only noise_p=0.4)"
      ;;
  esac
}
only() { echo "${@/#/distill.augment.}"; }
student() { # seed name architecture hwasc-arguments -- settings
  local seed=$1 name=$2 arch=$3 common=()
  shift 3
  while [ "$1" != -- ]; do common+=("$1") && shift; done
  shift
  local run=$out/$name-$seed
  hwasc distill --arch "$arch" --run "$run" --set distill.seed="$seed" "${common[@]}" "${@/#/--set=}" || return
  case $name in default | with_noise | no_grn*) ;; *) return 0 ;; esac # these are compared in noise
  [ ! -f "$run/noise.json" ] || return 0
  hwasc evaluate --model "$run/int8.safetensors" --snr 20,10,5,0 "${common[@]}" --json >"$run/noise.part" &&
    mv "$run/noise.part" "$run/noise.json"
}
export -f student
python "$here/students.py" "$out"
for seed in ${SEEDS:-0 1 2}; do
  for part in ${ONLY:-loss augment grn}; do
    variants "$part" | while read -r name arch settings; do
      case " ${NAMES:-$name} " in *" $name "*) echo $seed $name $arch "${@@Q}" -- $settings ;; esac
    done
  done
done | xargs -r -P "${WORKERS:-2}" -L 1 bash -c 'student "$@"' _
hwasc compare "$out" --against default --html "$out/comparison.html"
