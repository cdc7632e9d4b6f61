/* A real FFT in 32-bit integers, in place. */
#ifndef SCENE_FFT_INTEGER_H
#define SCENE_FFT_INTEGER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Computes powers of the spectrum of a frame.
 *
 * ring, start, first, end: as for scene_logmel_frame.
 * shift: samples are taken 2^shift times as large; none of them may then lie outside of int16.
 * data: SCENE_FFT numbers. Afterwards they are SCENE_FFT / 2 powers of 64 bits, number k that of bin k, for 0 < k. At
 * shift 0 the unit is 2^(SCENE_POWER_SHIFT - 62) SCENE_POINTS^2, where full scale is 1.
 */
void scene_powers(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int shift, void *data);

#ifdef __cplusplus
}
#endif

#endif
