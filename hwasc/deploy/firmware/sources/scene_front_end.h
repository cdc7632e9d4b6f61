/* Tables, sizes and parts of the log-mel; the tables themselves are generated, in scene_front_end_tables.c.
 *
 * Macros of scene_model.h say what is compiled:
 * SCENE_EMPHASIS     pre-emphasis: 0 none; 1 of the clip, sample n becomes x[n + 1] - c x[n]; 2 of a frame, x[n] - c x[n - 1].
 * SCENE_REMOVE_MEAN  1: the mean of a frame is subtracted first.
 * SCENE_MIRRORED     1: what is beyond a clip's ends is mirrored; 0: it is zero, or no frame reaches there.
 * SCENE_SYMMETRIC    1: the window's last weight is its first one; 0: it would be the next one.
 * SCENE_MAGNITUDE    1: bands are sums of magnitudes; 0: of powers.
 * SCENE_SHARES       weights of bins where slopes are linear in mel; 0: slopes are linear in hertz, and need none.
 * SCENE_HEIGHTS      SCENE_MELS, or 1 where all bands have the same height.
 * SCENE_OFFSET       1: something is added to the bands before the logarithm.
 * SCENE_FLOOR        1: features are limited from below, as the logarithm has a floor; 0: int8 alone limits them.
 * SCENE_INTEGER      1: 32-bit integers; 0: single precision.
 */
#ifndef SCENE_FRONT_END_H
#define SCENE_FRONT_END_H

#include <stdint.h>

#include "scene_model.h"

/* Products and sums are never fused, so that every machine computes the same features, those of the golden vectors. On
 * a Cortex-M4 a fused one takes three cycles, the two of them two. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The FFT of SCENE_FFT real samples is one of half as many complex numbers. In single precision its passes are of radix
 * 8, with at most two of radix 4 at the end; in integers they are of radix 4, with a first one of radix 8 where there
 * must be. */
#define SCENE_POINTS (SCENE_FFT / 2)
#if SCENE_INTEGER && (SCENE_FFT & 0x5555)
#define SCENE_FIRST_RADIX 8
#elif SCENE_INTEGER
#define SCENE_FIRST_RADIX 4
#else
#define SCENE_FIRST_RADIX 8
#endif

#if SCENE_FFT < 256 || SCENE_FFT > 8192 || (SCENE_FFT & (SCENE_FFT - 1)) != 0
#error "SCENE_FFT: expected a power of two from 256 to 8192; export again"
#endif
#define SCENE_AHEAD (SCENE_EMPHASIS == 1)  /* samples by which the pre-emphasis looks ahead */
#define SCENE_BEHIND (SCENE_EMPHASIS == 2) /* and back */
#define SCENE_LAST_WEIGHT (SCENE_WINDOW - SCENE_SYMMETRIC) /* the sample of the window that weighs as the first */
#define SCENE_AS_THEY_ARE (!SCENE_EMPHASIS && !SCENE_REMOVE_MEAN && !SCENE_MIRRORED) /* samples, and zeros */
#define SCENE_HEIGHT_OF(band) (SCENE_HEIGHTS == 1 ? 0 : (band))

#if SCENE_WINDOW < 2 || SCENE_WINDOW > SCENE_FFT
#error "SCENE_WINDOW: expected 2 to SCENE_FFT samples; export again"
#endif

#if SCENE_INTEGER
typedef int32_t scene_real;
#else
typedef float scene_real;
#endif

/* The two slopes between two edges of mel bands: the falling side of one band and the rising side of the next. The
 * falling side weighs a bin with its distance to the upper edge, in shares of the distance between the edges. In
 * integers a share of 1 is 2^slope_bits. */
typedef struct {
    scene_real step; /* one bin */
    scene_real rest; /* from the first bin above the upper edge to that edge; 0 or negative */
} scene_slope;

extern const scene_real scene_window[SCENE_LAST_WEIGHT / 2 + 1]; /* first half of the window, and its middle */
extern const scene_real
    scene_twiddles[2 * (SCENE_POINTS - SCENE_FIRST_RADIX)]; /* of all passes but the first, in order */
extern const scene_real scene_sines[SCENE_FFT / 4 + 1];     /* of 2 pi k / SCENE_FFT */
extern const uint16_t scene_bins[SCENE_MELS + 2];           /* the first bin, then the bins between each two edges */
#if !SCENE_SHARES
extern const scene_slope scene_slopes[SCENE_MELS + 1];
#elif SCENE_INTEGER
extern const uint32_t scene_shares[SCENE_SHARES]; /* the weight of each bin on the falling side; 1 is 2^32 */
#else
extern const float scene_shares[SCENE_SHARES]; /* the weight of each bin on the falling side */
#endif

/* What turns the power of a band into a feature. */
#if SCENE_INTEGER
/* Samples less their mean, or emphasised, take more bits than samples. */
#define SCENE_HEADROOM ((SCENE_EMPHASIS > 0) + SCENE_REMOVE_MEAN)
#define SCENE_ROOT_BITS 8 /* of magnitudes, below 1 */
/* Powers are kept without their last bits, so that the sums of sums of any segment fit into 64 bits. */
#if SCENE_FFT == 256
#define SCENE_POWER_SHIFT 6
#elif SCENE_FFT == 512
#define SCENE_POWER_SHIFT 7
#elif SCENE_FFT == 1024
#define SCENE_POWER_SHIFT 8
#elif SCENE_FFT == 2048
#define SCENE_POWER_SHIFT 9
#elif SCENE_FFT == 4096
#define SCENE_POWER_SHIFT 10
#else
#define SCENE_POWER_SHIFT 11
#endif

typedef struct {
    int32_t factor;       /* features an octave of power, unit 2^-23 */
    int32_t most_shift;   /* most bits by which samples are shifted */
    int32_t offset_shift; /* of scene_offsets */
    int32_t slope_bits;   /* of scene_slopes */
#if SCENE_EMPHASIS
    int32_t emphasis; /* unit 2^-31 */
#endif
#if SCENE_FLOOR
    int8_t least; /* of features */
#endif
} scene_scaling;

#if SCENE_OFFSET
extern const uint32_t scene_offsets[SCENE_HEIGHTS]; /* added to the power before the logarithm */
#endif
extern const int32_t scene_addends[SCENE_HEIGHTS]; /* to features, unit 2^-16 */
#else
typedef struct {
    float offset; /* added to the power before the logarithm */
    float factor; /* feature = logarithm * factor + addend */
    float addend;
#if SCENE_EMPHASIS
    float emphasis;
#endif
#if SCENE_FLOOR
    float least; /* of features */
#endif
} scene_scaling;

extern const float scene_heights[SCENE_HEIGHTS]; /* of each triangle */
#endif
extern const scene_scaling scene_features;

#ifdef __cplusplus
}
#endif

#endif
