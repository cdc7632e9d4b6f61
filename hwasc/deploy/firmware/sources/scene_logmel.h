/* The log-mel of one frame, from the samples of a window to int8 features.
 *
 * It is the one that the model was trained with: pre-emphasis where it has one, a window, an FFT of SCENE_FFT samples,
 * powers or magnitudes, mel bands, the logarithm, then the model's own scale. Its parts are compiled as scene_model.h says,
 * see scene_front_end.h.
 */
#ifndef SCENE_LOGMEL_H
#define SCENE_LOGMEL_H

#include <stdint.h>

#include "scene_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Computes the features of one frame.
 *
 * ring: SCENE_SPAN samples, full scale 32768; the window begins at ring[start] and goes on from ring[0].
 * start: 0 to SCENE_SPAN - 1.
 * first, end: samples of the window before `first` and from `end` on lie beyond the clip, and are zero or mirrored; 0 and
 *     SCENE_WINDOW for none. Where the clip is pre-emphasised they count its emphasised samples, of which it has one less.
 * memory: SCENE_FRONT_END_BYTES bytes, aligned to 8; nothing in it needs to be kept from frame to frame.
 * out: SCENE_MELS features, the lowest band first.
 */
void scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out);

#ifdef __cplusplus
}
#endif

#endif
