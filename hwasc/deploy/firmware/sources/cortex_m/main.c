/*
 * A recording to its scenes on a bare Cortex-M, without an operating system: raw int16 samples (little-endian, one channel) come
 * through the debugger or emulator (semihosting), texts go out the same way. On a board, read the microphone instead.
 */
#include "scene.h"
#include "scene_board.h"

#define SAMPLES 256

/* Writes milliseconds as seconds. */
static void print_seconds(uint32_t milliseconds) {
    uint32_t part = milliseconds % 1000u;
    scene_board_print_number(milliseconds / 1000u);
    scene_board_print(part < 10u ? ".00" : part < 100u ? ".0" : ".");
    scene_board_print_number(part);
}

int main(void) {
    static scene_state state;
    static int16_t samples[SAMPLES];
    uint64_t taken = 0;
    uint32_t bytes;
    scene_init(&state);
    while ((bytes = scene_board_read(samples, sizeof samples)) > 1) {
        uint32_t n = bytes / 2u, at;
        for (at = 0; at < n;) {
            uint32_t piece = n - at < SCENE_DECISION_HOP ? n - at : SCENE_DECISION_HOP;
            size_t decisions = scene_push(&state, samples + at, piece);
            at += piece;
            if (decisions > 0) {
                print_seconds((uint32_t)((taken + at - scene_samples_since(&state)) * 1000u / SCENE_SAMPLE_RATE));
                scene_board_print("\t");
                scene_board_print(scene_class_name(scene_class(&state)));
                scene_board_print("\n");
            }
        }
        taken += n;
    }
    return 0;
}
