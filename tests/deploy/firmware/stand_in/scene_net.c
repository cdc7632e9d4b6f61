/* Two operators of known length: 1,000 and 3,000 instructions, and a function that takes a known piece of the stack. */
#include "scene_net.h"

#include "scene_model.h"

#ifndef SCENE_PROFILE_BEGIN
#define SCENE_PROFILE_BEGIN(op) ((void)0)
#define SCENE_PROFILE_END(op) ((void)0)
#endif

extern const int8_t scene_net_weights[1000];

static void spend(uint32_t loops) { __asm__ volatile(".syntax unified\n1: subs %0, #1\n bne 1b" : "+l"(loops) : : "cc"); }

__attribute__((noinline)) static int deep(const int8_t *features) {
    volatile int8_t room[400];
    for (int i = 0; i < 400; i++)
        room[i] = features[i % (SCENE_FRAMES * SCENE_MELS)];
    return room[7];
}

void scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits) {
    (void)memory;
    for (int row = 0; row < 10; row++) {
        SCENE_PROFILE_BEGIN(0);
        spend(50);
        SCENE_PROFILE_END(0);
        SCENE_PROFILE_BEGIN(7);
        spend(150);
        SCENE_PROFILE_END(7);
    }
    for (int c = 0; c < SCENE_CLASSES; c++)
        logits[c] = (int8_t)(scene_net_weights[c] + deep(features) * 0 + order[c]);
}
