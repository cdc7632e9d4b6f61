/* The features of a whole clip, from its samples to the input tensor of TensorFlow Lite Micro. */
#ifndef SCENE_CLIP_H
#define SCENE_CLIP_H

#include <stdint.h>

#include "scene_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Computes the features of a clip. What lies beyond the clip's edges is as it was in training.
 *
 * samples: SCENE_CLIP of them, full scale 32768.
 * memory: SCENE_FRONT_END_BYTES bytes, aligned to 8; nothing in it needs to be kept from clip to clip.
 * input: SCENE_MELS bands of SCENE_FRAMES features, a band's frames side by side.
 */
void scene_clip_features(const int16_t *samples, void *memory, int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
