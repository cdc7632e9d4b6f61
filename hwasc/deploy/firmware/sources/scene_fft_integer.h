/* A real FFT in 32-bit integers, in place. */
#ifndef SCENE_FFT_INTEGER_H
#define SCENE_FFT_INTEGER_H

#include <stdint.h>

#include "scene_front_end.h"

#ifdef __cplusplus
extern "C" {
#endif

#if SCENE_HEADROOM
/* By how many bits more the window can be shifted once it is emphasised and less its mean, and tapered; at least
 * -SCENE_HEADROOM. shift: by how many bits its samples are shifted before. */
int scene_more_bits(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int shift);

/* Both shifts as one number. */
#define SCENE_SHIFTS(shift, more) ((shift) + 16 * ((more) + SCENE_HEADROOM))
#endif

/* Computes powers of the spectrum of a frame, or magnitudes where SCENE_MAGNITUDE is 1.
 *
 * ring, start, first, end: as for scene_logmel_frame.
 * shift: samples are taken 2^shift times as large; none of them may then lie outside of int16. SCENE_SHIFTS where that is
 *     defined.
 * data: SCENE_FFT numbers. Afterwards they are SCENE_FFT / 2 powers of 64 bits, number k that of bin k, for 0 < k. At
 * shift 0 the unit of powers is 2^(SCENE_POWER_SHIFT - 62) SCENE_POINTS^2, where full scale is 1, and that of magnitudes
 * 2^(-31 - SCENE_ROOT_BITS) SCENE_POINTS.
 */
void scene_powers(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int shift, void *data);

#ifdef __cplusplus
}
#endif

#endif
