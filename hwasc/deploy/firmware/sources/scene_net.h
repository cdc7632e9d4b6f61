/* The net: int8 features of a clip to int8 logits, row by row in one block of memory. */
#ifndef SCENE_NET_H
#define SCENE_NET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Run the net on a clip.
 *
 * features: stored frames of SCENE_MELS values, one after the other; they are only read.
 * order:    order[t] says which of the stored frames is the clip's frame t, for each t below SCENE_FRAMES.
 * memory:   SCENE_NET_BYTES, aligned to 8; nothing in it is kept from one run to the next.
 * logits:   SCENE_CLASSES values are written: real logit = (value - SCENE_OUTPUT_ZERO_POINT) * SCENE_OUTPUT_SCALE.
 */
void scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits);

#ifdef __cplusplus
}
#endif

#endif
