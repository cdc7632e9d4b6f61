/* Counts a clip from its samples to its logits; the linker's --wrap lets the two parts be timed within it. */
#include <string.h>

#include "scene.h"
#include "scene_count.h"
#include "scene_logmel.h"
#include "scene_net.h"

#define CHUNK 256u

void __real_scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits);
void __wrap_scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits);
void __real_scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out);
void __wrap_scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out);

static scene_state state;
static int16_t chunk[CHUNK];
static uint64_t net, frames;
static uint32_t frame_count;

void __wrap_scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits) {
    const uint64_t before = scene_board_ticks(), calls = scene_profile_overhead();
    __real_scene_net_run(features, order, memory, logits);
    net += scene_board_ticks() - before - (scene_profile_overhead() - calls);
}

void __wrap_scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out) {
    const uint64_t before = scene_board_ticks();
    __real_scene_logmel_frame(ring, start, first, end, memory, out);
    frames += scene_board_ticks() - before;
    frame_count++;
}

/* Pushes a clip of noise; returns the ticks that pushing took. */
static uint64_t clip(void) {
    uint32_t random = 1;
    uint64_t ticks = 0;
    scene_init(&state);
    for (uint32_t done = 0; done < SCENE_CLIP;) {
        const uint32_t count = SCENE_CLIP - done < CHUNK ? SCENE_CLIP - done : CHUNK;
        for (uint32_t i = 0; i < count; i++)
            chunk[i] = (int16_t)((int32_t)scene_count_random(&random) >> 18);
        const uint64_t before = scene_board_ticks();
        (void)scene_push(&state, chunk, count);
        ticks += scene_board_ticks() - before;
        done += count;
    }
    return ticks;
}

int main(void) {
    scene_board_paint_stack();
    (void)clip();
    scene_count_print("stack", scene_board_stack_used());
    scene_count_start();
    net = frames = frame_count = 0;
    const uint64_t all = clip();
    scene_count_print("clip", (int64_t)(all - scene_profile_overhead()));
    scene_count_print("net", (int64_t)net);
    scene_count_print("front_end", (int64_t)frames);
    scene_count_print("frames", frame_count);
    scene_count_print("state", (int64_t)sizeof state);
    scene_profile_print();
    for (uint32_t c = 0; c < SCENE_CLASSES; c++)
        scene_count_print("logit", scene_logits(&state)[c]);
    return 0;
}
