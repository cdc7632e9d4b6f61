#include "scene_clip.h"

#include "scene_logmel.h"

/* Samples of the first frame's window before the clip: the window is in the middle of the FFT, which is centred. */
#define SCENE_BEFORE (SCENE_FFT / 2 - (SCENE_FFT - SCENE_WINDOW) / 2)

/* Features of frame t of a clip, the lowest band first. The window is read where it lies; it begins in the clip, or before it. */
static void frame(const int16_t *samples, int32_t t, void *memory, int8_t *out) {
    const int32_t begin = t * SCENE_HOP - SCENE_BEFORE;
    const int32_t left = SCENE_CLIP - begin; /* samples from the window's begin to the clip's end */
    const uint32_t end = (uint32_t)(left < 0 ? 0 : left < SCENE_WINDOW ? left : SCENE_WINDOW);
    if (begin < 0) {
        /* As a ring of SCENE_WINDOW samples that begins with the clip: its end stands for what is before the clip. */
        scene_logmel_frame(samples, (uint32_t)(SCENE_WINDOW + begin), (uint32_t)-begin, end, memory, out);
    } else {
        scene_logmel_frame(end > 0 ? samples + begin : samples, 0, 0, end, memory, out);
    }
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
