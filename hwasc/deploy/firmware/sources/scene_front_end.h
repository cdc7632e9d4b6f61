/* Tables and sizes of the log-mel; the tables themselves are generated, in scene_front_end_tables.c. */
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

/* The FFT of SCENE_FFT real samples is one of half as many complex numbers: a pass of radix 8, then passes of radix 8,
 * then at most two of radix 4, so that any power of two is reached. */
#define SCENE_POINTS (SCENE_FFT / 2)

#if SCENE_FFT < 256 || SCENE_FFT > 8192 || (SCENE_FFT & (SCENE_FFT - 1)) != 0
#error "SCENE_FFT: expected a power of two from 256 to 8192; export again"
#endif
#if SCENE_WINDOW < 2 || SCENE_WINDOW > SCENE_FFT
#error "SCENE_WINDOW: expected 2 to SCENE_FFT samples; export again"
#endif

/* The two slopes between two edges of mel bands: the falling side of one band and the rising side of the next. The
 * falling side weighs a bin with its distance to the upper edge, in shares of the distance between the edges. */
typedef struct {
    float step; /* one bin, as a share of the distance between the edges */
    float rest; /* distance from the first bin above the upper edge to that edge, as a share; 0 or negative */
} scene_slope;

/* What turns the logarithm of a band into a feature. */
typedef struct {
    float offset; /* added to the power before the logarithm */
    float factor; /* feature = logarithm * factor + addend */
    float addend;
} scene_scaling;

extern const float scene_window[SCENE_WINDOW / 2 + 1];     /* first half of the window, and its middle */
extern const float scene_twiddles[2 * (SCENE_POINTS - 8)]; /* of all passes but the first, as they are read */
extern const float scene_sines[SCENE_FFT / 4 + 1];         /* sin(2 pi k / SCENE_FFT), a quarter of a circle */
extern const uint16_t scene_bins[SCENE_MELS + 2];          /* the first bin, then the bins between each two edges */
extern const scene_slope scene_slopes[SCENE_MELS + 1];
extern const float scene_areas[SCENE_MELS]; /* the height of each triangle */
extern const scene_scaling scene_features;

#ifdef __cplusplus
}
#endif

#endif
