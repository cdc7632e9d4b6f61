/* Counts a clip from its samples to its logits; the linker's --wrap lets the two parts be timed within it. */
#include "scene_count.h"
#include "scene_count_samples.h"
#include "scene_logmel.h"
#include "scene_net.h"

void __real_scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits);
void __wrap_scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits);
void __real_scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out);
void __wrap_scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out);

static scene_state state;
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

int main(void) {
    scene_count_start();
    const uint64_t all = scene_count_clip(&state);
    scene_count_print("clip", (int64_t)(all - scene_profile_overhead()));
    scene_count_print("net", (int64_t)net);
    scene_count_print("front_end", (int64_t)frames);
    scene_count_print("frames", frame_count);
    scene_profile_print();
    for (uint32_t c = 0; c < SCENE_CLASSES; c++)
        scene_count_print("logit", scene_stored_logits(&state)[c]);
    return 0;
}
