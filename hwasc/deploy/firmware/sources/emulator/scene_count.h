/* What the counting programs share. */
#ifndef SCENE_COUNT_H
#define SCENE_COUNT_H

#include "scene_board.h"
#include "scene_model.h"
#include "scene_profile.h"

/* Writes a line: a name and its value. */
static inline void scene_count_print(const char *name, int64_t value) {
    scene_board_print(name);
    scene_board_print(" ");
    scene_board_print_number(value);
    scene_board_print("\n");
}

/* Starts the clock and writes the ticks of 1,000,000 instructions. */
static inline void scene_count_start(void) {
    scene_board_start_clock();
    const uint64_t before = scene_board_ticks();
    scene_board_run_million();
    scene_count_print("million", (int64_t)(scene_board_ticks() - before));
    scene_profile_start();
}

/* The next number of a row of pseudo-random ones (Numerical Recipes' constants); the upper bits are the better ones. */
static inline uint32_t scene_count_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state;
}

#endif
