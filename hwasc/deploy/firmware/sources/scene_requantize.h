/* From int32 sums to int8 outputs, rounded twice as TensorFlow Lite Micro's reference kernels round (gemmlowp). */
#ifndef SCENE_REQUANTIZE_H
#define SCENE_REQUANTIZE_H

#include <stdint.h>

/* Which variant of the kernels is compiled. */
#if !defined(SCENE_PORTABLE) && defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1) && !defined(__ARM_BIG_ENDIAN)
#define SCENE_MVE 1
#define SCENE_DSP 0
#elif !defined(SCENE_PORTABLE) && defined(__ARM_FEATURE_DSP) && !defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)
#define SCENE_MVE 0
#define SCENE_DSP 1
#else
#define SCENE_MVE 0
#define SCENE_DSP 0
#endif

/* value * 2^shift, within int32. */
static inline int32_t scene_shift_left(int32_t value, int32_t shift) {
    const int64_t wide = (int64_t)value * ((int64_t)1 << shift);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* value / 2^shift for shift > 0, rounded to the nearest, halves away from zero. */
static inline int32_t scene_round_shift(int32_t value, int32_t shift) {
    const int64_t half = (int64_t)1 << (shift - 1);
    return (int32_t)((value + half - (value < 0)) >> shift);
}

/* sum * multiplier * 2^(shift - 31): the product's upper half rounded to the nearest (ties up), then the shift to the right,
 * rounded to the nearest (halves away from zero). A shift to the left comes first. */
static inline int32_t scene_requantize(int32_t sum, int32_t multiplier, int32_t shift) {
    const int32_t shifted = shift > 0 ? scene_shift_left(sum, shift) : sum;
    const int32_t high = (int32_t)(((int64_t)shifted * multiplier + (1 << 30)) >> 31);
    return shift < 0 ? scene_round_shift(high, -shift) : high;
}

/* A requantized value plus the output's zero point, from `least` to 127. */
static inline int8_t scene_output(int32_t value, int32_t zero, int32_t least) {
    const int64_t moved = (int64_t)value + zero;
    return (int8_t)(moved < least ? least : moved > 127 ? 127 : moved);
}

#endif
