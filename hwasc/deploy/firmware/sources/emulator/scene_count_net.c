/* Counts the net alone, by operator, on pseudo-random features. */
#include "scene_count.h"
#include "scene_net.h"

static int8_t features[SCENE_FRAMES * SCENE_MELS];
static uint16_t order[SCENE_FRAMES];
static uint64_t memory[(SCENE_NET_BYTES + 7) / 8];
static int8_t logits[SCENE_CLASSES];

int main(void) {
    uint32_t random = 1;
    for (uint32_t i = 0; i < sizeof features; i++)
        features[i] = (int8_t)(scene_count_random(&random) >> 24);
    for (uint32_t t = 0; t < SCENE_FRAMES; t++)
        order[t] = (uint16_t)t;
#ifndef SCENE_COUNT_NO_STACK
    scene_board_paint_stack();
    scene_net_run(features, order, memory, logits);
    scene_count_print("stack", scene_board_stack_used());
#endif
    scene_count_start();
    const uint64_t before = scene_board_ticks();
    scene_net_run(features, order, memory, logits);
    const uint64_t after = scene_board_ticks();
    scene_count_print("net", (int64_t)(after - before - scene_profile_overhead()));
    scene_profile_print();
    for (uint32_t c = 0; c < SCENE_CLASSES; c++)
        scene_count_print("logit", logits[c]);
    return 0;
}
