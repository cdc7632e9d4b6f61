/* A real FFT in single precision, in place. */
#ifndef SCENE_FFT_FLOAT_H
#define SCENE_FFT_FLOAT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Computes powers of the spectrum of a frame, or magnitudes where SCENE_MAGNITUDE is 1.
 *
 * ring, start, first, end: as for scene_logmel_frame.
 * data: SCENE_FFT numbers. Afterwards data[k] is the power of bin k for 0 < k <= SCENE_FFT / 4, and
 * data[SCENE_FFT / 2 + k] that of bin k for SCENE_FFT / 4 < k < SCENE_FFT / 2. No mel band weighs bins 0 and SCENE_FFT
 * / 2.
 */
void scene_powers(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, float *data);

#ifdef __cplusplus
}
#endif

#endif
