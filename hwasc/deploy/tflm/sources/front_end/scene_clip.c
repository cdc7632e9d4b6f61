#include "scene_clip.h"

#include "scene_logmel.h"

#define SCENE_LAST_SPAN (SCENE_CLIP > SCENE_SPAN ? SCENE_CLIP - SCENE_SPAN : 0) /* where the clip's last SCENE_SPAN samples begin */

/* Features of frame t of a clip, the lowest band first. The window is read where it lies: from a ring of SCENE_SPAN samples of the
 * clip, of which samples beyond the clip are not read. */
static void frame(const int16_t *samples, int32_t t, void *memory, int8_t *out) {
    const int32_t begin = t * SCENE_HOP - SCENE_BEFORE;
    const int32_t ring = begin < 0 ? 0 : begin < SCENE_LAST_SPAN ? begin : SCENE_LAST_SPAN;
    const int32_t left = SCENE_CLIP - (SCENE_EMPHASIS == 1) - begin; /* samples from the window's begin to the clip's end */
    const uint32_t start = (uint32_t)(begin < 0 ? SCENE_SPAN + begin : begin - ring);
    const uint32_t end = (uint32_t)(left < 0 ? 0 : left < SCENE_WINDOW ? left : SCENE_WINDOW);
    scene_logmel_frame(samples + ring, start, begin < 0 ? (uint32_t)-begin : 0, end, memory, out);
}

void scene_clip_features(const int16_t *samples, void *memory, int8_t *input) {
    int8_t column[SCENE_MELS];
    for (int32_t t = 0; t < SCENE_FRAMES; t++) {
        frame(samples, t, memory, column);
        for (int32_t mel = 0; mel < SCENE_MELS; mel++) {
            input[mel * SCENE_FRAMES + t] = column[mel];
        }
    }
}
