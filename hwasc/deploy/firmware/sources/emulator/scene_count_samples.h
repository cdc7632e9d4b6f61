/* A clip of noise. */
#ifndef SCENE_COUNT_SAMPLES_H
#define SCENE_COUNT_SAMPLES_H

#include "scene.h"
#include "scene_count.h"

#define SCENE_COUNT_CHUNK 256u

/* Pushes a clip of noise; returns the ticks that pushing took. */
static inline uint64_t scene_count_clip(scene_state *state) {
    static int16_t chunk[SCENE_COUNT_CHUNK];
    uint32_t random = 1;
    uint64_t ticks = 0;
    scene_init(state);
    for (uint32_t done = 0; done < SCENE_CLIP;) {
        const uint32_t count = SCENE_CLIP - done < SCENE_COUNT_CHUNK ? SCENE_CLIP - done : SCENE_COUNT_CHUNK;
        for (uint32_t i = 0; i < count; i++)
            chunk[i] = (int16_t)((int32_t)scene_count_random(&random) >> 18);
        const uint64_t before = scene_board_ticks();
        (void)scene_push(state, chunk, count);
        ticks += scene_board_ticks() - before;
        done += count;
    }
    return ticks;
}

#endif
