/* From int32 sums to int8 outputs, rounded twice as TensorFlow Lite Micro's reference kernels round (gemmlowp). */
#ifndef SCENE_REQUANTIZE_H
#define SCENE_REQUANTIZE_H

#include <stdint.h>
#include <string.h>

#include "scene_kernels.h"

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

#if SCENE_DSP

/* Four int8 at any address. */
static inline uint32_t scene_load4(const int8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return word;
}

/* Two int8 at any address, as the lower half. */
static inline uint32_t scene_load2(const int8_t *at) {
    uint16_t half;
    memcpy(&half, at, 2);
    return half;
}

/* Bytes 0 and 2 as a pair of int16, and bytes 1 and 3. */
static inline uint32_t scene_even(uint32_t bytes) {
    uint32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(bytes));
    return pair;
}

static inline uint32_t scene_odd(uint32_t bytes) {
    uint32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* sum plus both products of two pairs. */
static inline int32_t scene_pairs(uint32_t a, uint32_t b, int32_t sum) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* The numbers with which a sum of a channel becomes its output. */
typedef struct {
    int32_t multiplier, rounding, shift;
} scene_scale;

/* Whether `scene_scaled` gives a channel's outputs: a shift to the right that leaves room for the zero point. */
static inline int scene_is_simple(int32_t shift) { return shift < 0 && shift >= -22; }

static inline scene_scale scene_scale_of(int32_t multiplier, int32_t shift, int32_t zero) {
    /* Half of the last place that is kept, and the zero point: neither changes what is shifted out. */
    return (scene_scale){multiplier, (1 << (-shift - 1)) + zero * (1 << -shift), -shift};
}

/* scene_requantize and scene_output for -128 as the least. SMMLAR rounds the upper half of the doubled product; a negative sum
 * takes 1 off, so that halves go away from zero (where the upper half became 0, the shift removes that 1 again). */
static inline int8_t scene_scaled(int32_t sum, scene_scale scale) {
    const int32_t twice = (int32_t)((uint32_t)sum << 1);
    int32_t value;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(value) : "r"(twice), "r"(scale.multiplier), "r"(scale.rounding));
    value = (value + (twice >> 31)) >> scale.shift;
    __asm__("ssat %0, #8, %0" : "+r"(value));
    return (int8_t)value;
}

/* Raises a row's outputs to the least one, where a ReLU's zero is not the least int8. */
static inline void scene_raise(const scene_conv *conv, uint32_t columns, int8_t *out) {
    if (conv->out_min > -128) {
        for (uint32_t i = columns * conv->out_channels; i > 0; i--, out++) {
            *out = *out < conv->out_min ? conv->out_min : *out;
        }
    }
}

#endif

#endif
