/* From int32 sums to int8 outputs, rounded twice as TensorFlow Lite Micro's reference kernels round (gemmlowp). */
#ifndef SCENE_REQUANTIZE_H
#define SCENE_REQUANTIZE_H

#include <stdint.h>
#include <string.h>

#include "scene_kernels.h"

/* Which variant of the kernels is compiled. That for the DSP extension is written for GCC's inline assembly and needs
 * nearly all registers, so an optimising compiler; Clang, which keeps an address of each operand in a register, takes
 * portable C there. */
#if !defined(SCENE_PORTABLE) && defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1) && !defined(__ARM_BIG_ENDIAN)
#define SCENE_MVE 1
#define SCENE_DSP 0
#elif !defined(SCENE_PORTABLE) && defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__OPTIMIZE__) &&        \
    !defined(__clang__) && !defined(__ARM_BIG_ENDIAN)
#define SCENE_MVE 0
#define SCENE_DSP 1
#else
#define SCENE_MVE 0
#define SCENE_DSP 0
#endif

#if SCENE_MVE
#include <arm_mve.h>
#endif

/* Cores without vectors. */
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define SCENE_SMALL 1
#else
#define SCENE_SMALL 0
#endif

/* Cores with few registers for arithmetic and no product of 64 bits (Cortex-M0+). */
#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
#define SCENE_THUMB_1 1
#else
#define SCENE_THUMB_1 0
#endif

/* For functions that are faster where their arguments are constants, and for those that are faster by themselves: in a
 * large function a compiler runs out of registers. */
#ifdef __GNUC__
#define SCENE_INLINE static inline __attribute__((always_inline))
#define SCENE_APART static __attribute__((noinline))
#else
#define SCENE_INLINE static inline
#define SCENE_APART static
#endif

/* value * 2^shift, within int32. */
static inline int32_t scene_shift_left(int32_t value, int32_t shift) {
    return value > INT32_MAX >> shift   ? INT32_MAX
           : value < INT32_MIN >> shift ? INT32_MIN
                                        : value * ((int32_t)1 << shift);
}

/* value / 2^shift for shift > 0 and values within 2^30, rounded to the nearest, halves away from zero. */
static inline int32_t scene_round_shift(int32_t value, int32_t shift) {
    return (value + ((int32_t)1 << (shift - 1)) - (value < 0)) >> shift;
}

/* (value * multiplier + 2^30) / 2^31, rounded down. */
static inline int32_t scene_upper(int32_t value, int32_t multiplier) {
#if SCENE_THUMB_1
    /* No 64-bit product there (Cortex-M0+): four of 16 bits. */
    const int32_t up = value >> 16, factor = multiplier >> 16;
    const uint32_t low = (uint32_t)value & 0xFFFFu, factor_low = (uint32_t)multiplier & 0xFFFFu;
    const uint32_t last = low * factor_low;
    const int32_t middle = up * (int32_t)factor_low + (int32_t)(last >> 16);
    const int32_t other = (int32_t)low * factor + (int32_t)((uint32_t)middle & 0xFFFFu);
    const int32_t high = up * factor + (middle >> 16) + (other >> 16);
    return high * 2 + (((other >> 14 & 3) + 1) >> 1);
#else
    return (int32_t)(((int64_t)value * multiplier + (1 << 30)) >> 31);
#endif
}

/* sum * multiplier * 2^(shift - 31): the product's upper half rounded to the nearest (ties up), then the shift to the
 * right, rounded to the nearest (halves away from zero). A shift to the left comes first. */
static inline int32_t scene_requantize(int32_t sum, int32_t multiplier, int32_t shift) {
    if (shift >= 0) {
        return scene_upper(shift > 0 ? scene_shift_left(sum, shift) : sum, multiplier);
    }
#if SCENE_DSP
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"((uint32_t)sum << 1), "r"(multiplier));
#else
    const int32_t high = scene_upper(sum, multiplier);
#endif
    return scene_round_shift(high, -shift);
}

/* A requantized value plus the output's zero point, from `least` to 127. */
static inline int8_t scene_output(int32_t value, int32_t zero, int32_t least) {
    return (int8_t)(value > 127 - zero ? 127 : value < least - zero ? least : value + zero);
}

#if SCENE_MVE

/* scene_requantize for four sums. */
static inline int32x4_t scene_requantize4(int32x4_t sums, int32x4_t multiplier, int32x4_t shift) {
    const int32x4_t zero = vdupq_n_s32(0), right = vminq_s32(shift, zero);
    const int32x4_t high = vqrdmulhq_s32(vqshlq_s32(sums, vmaxq_s32(shift, zero)), multiplier);
    /* VRSHL rounds halves up: where a negative number is shifted to the right, 1 less rounds them away from zero. */
    return vrshlq_s32(vqaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right);
}

#endif

#if SCENE_DSP

/* Four int8 at any address. */
static inline uint32_t scene_load4(const int8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return word;
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

/* The lower halves of two words, the first one's below; their upper halves. */
static inline uint32_t scene_low_halves(uint32_t first, uint32_t second) {
    uint32_t halves;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(halves) : "r"(first), "r"(second));
    return halves;
}

static inline uint32_t scene_high_halves(uint32_t first, uint32_t second) {
    uint32_t halves;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(halves) : "r"(first), "r"(second));
    return halves;
}

/* sum plus both products of two pairs. */
static inline int32_t scene_pairs(uint32_t a, uint32_t b, int32_t sum) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* The numbers with which a sum of a channel becomes its output. */
typedef struct {
    struct scene_factors {
        int32_t multiplier, rounding;
    } factors;
    int32_t shift;
} scene_scale;

/* Whether `scene_scaled` gives a channel's outputs: a shift to the right that leaves room for the zero point. */
static inline int scene_is_simple(int32_t shift) { return shift < 0 && shift >= -22; }

static inline scene_scale scene_scale_of(int32_t multiplier, int32_t shift, int32_t zero) {
    /* Half of the last place that is kept, and the zero point: neither changes what is shifted out. */
    return (scene_scale){{multiplier, (1 << (-shift - 1)) + zero * (1 << -shift)}, -shift};
}

/* scene_requantize and scene_output for -128 as the least. SMMLAR rounds the upper half of the doubled product; a
 * negative sum takes 1 off, so that halves go away from zero (where the upper half became 0, the shift removes that 1
 * again). */
static inline int8_t scene_scaled(int32_t sum, scene_scale scale) {
    const int32_t twice = (int32_t)((uint32_t)sum << 1);
    int32_t value;
    __asm__("smmlar %0, %1, %2, %3"
            : "=r"(value)
            : "r"(twice), "r"(scale.factors.multiplier), "r"(scale.factors.rounding));
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
