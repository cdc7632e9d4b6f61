/* Ticks of each operator, see scene_profile.h. */
#include "scene_profile.h"

#include "scene_board.h"

#define CALLS 1000u
#define NONE (SCENE_PROFILE_OPERATORS - 1u)

static struct {
    uint64_t ticks[SCENE_PROFILE_OPERATORS];
    uint32_t calls[SCENE_PROFILE_OPERATORS];
    uint64_t began, inside, pairs; /* inside: ticks of CALLS empty pairs that an operator is charged; pairs: all of theirs */
    uint32_t current, all;
} profile;

void scene_profile_begin(uint32_t operator_number) {
    profile.current = operator_number < NONE ? operator_number : NONE;
    profile.calls[profile.current]++;
    profile.all++;
    profile.began = scene_board_ticks();
}

void scene_profile_end(void) { profile.ticks[profile.current] += scene_board_ticks() - profile.began; }

void scene_profile_start(void) {
    for (uint32_t i = 0; i < SCENE_PROFILE_OPERATORS; i++)
        profile.ticks[i] = profile.calls[i] = 0;
    const uint64_t before = scene_board_ticks();
    for (uint32_t i = 0; i < CALLS; i++) {
        scene_profile_begin(0);
        scene_profile_end();
    }
    profile.pairs = scene_board_ticks() - before;
    profile.inside = profile.ticks[0];
    profile.ticks[0] = profile.calls[0] = profile.all = 0;
}

uint64_t scene_profile_overhead(void) { return profile.all * profile.pairs / CALLS; }

void scene_profile_print(void) {
    for (uint32_t i = 0; i < SCENE_PROFILE_OPERATORS; i++) {
        if (!profile.calls[i])
            continue;
        scene_board_print("operator ");
        scene_board_print_number(i == NONE ? -1 : (int64_t)i);
        scene_board_print(" ");
        scene_board_print_number((int64_t)(profile.ticks[i] - profile.calls[i] * profile.inside / CALLS));
        scene_board_print("\n");
    }
}
