/* The samples of a frame: where they are in the ring, what is beyond the clip, sums over the window. Front ends that take
 * the samples of the window as they are need none of this.
 *
 * Everywhere: the window begins at ring[start]; sample `at` is counted from there. Samples `first` to `end` are the clip's.
 */
#ifndef SCENE_SAMPLES_H
#define SCENE_SAMPLES_H

#include <stdint.h>

#include "scene_front_end.h"

/* Where sample `at` is in the ring; `at` is from -1 to SCENE_SPAN - 1. */
static inline uint32_t scene_place(uint32_t start, int32_t at) {
    const int32_t place = (int32_t)start + at;
    return (uint32_t)(place < 0 ? place + SCENE_SPAN : place < SCENE_SPAN ? place : place - SCENE_SPAN);
}

/* Sample `at` of the window; beyond the clip it is zero, or mirrored. `ahead` is added last. */
static inline int16_t scene_tap(const int16_t *ring, uint32_t start, int32_t first, int32_t end, int32_t at, int32_t ahead) {
    if (at < first || at >= end) {
#if SCENE_MIRRORED
        at = at < first ? 2 * first - at : 2 * (end - 1) - at;
#else
        return 0;
#endif
    }
    return ring[scene_place(start, at + ahead)];
}

/* The samples that make sample `at` of the window: out[1], and out[0] before it for the pre-emphasis. */
static inline void scene_taps(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, uint32_t at, int16_t *out) {
    const int32_t from = (int32_t)first, to = (int32_t)end, here = (int32_t)at;
    out[1] = scene_tap(ring, start, from, to, here, SCENE_AHEAD);
#if SCENE_EMPHASIS == 2
    out[0] = scene_tap(ring, start, from, to, here > 0 ? here - 1 : 0, 0);
#elif SCENE_EMPHASIS
    out[0] = scene_tap(ring, start, from, to, here, 0);
#else
    out[0] = 0;
#endif
}

/* The sum of samples `from` to `to`. */
static inline int32_t scene_sum(const int16_t *ring, uint32_t start, int32_t from, int32_t to) {
    int32_t sum = 0;
    uint32_t place = scene_place(start, from);
    for (; from < to; from++) {
        sum += ring[place];
        place = place + 1 == SCENE_SPAN ? 0 : place + 1;
    }
    return sum;
}

/* The sum over the window of the samples that lie `ahead` of its own. */
static inline int32_t scene_window_sum(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int32_t ahead) {
    const int32_t from = (int32_t)first, to = (int32_t)end;
    int32_t sum = scene_sum(ring, start, from + ahead, to + ahead);
#if SCENE_MIRRORED
    sum += scene_sum(ring, start, from + 1 + ahead, 2 * from + 1 + ahead);
    sum += scene_sum(ring, start, 2 * to - 1 - SCENE_WINDOW + ahead, to - 1 + ahead);
#endif
    return sum;
}

#endif
