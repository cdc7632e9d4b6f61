/* Counts the log-mel of one frame: a mean over some frames of noise and silence. */
#include "scene_count.h"
#include "scene_logmel.h"

#define RUNS 4u

static int16_t ring[SCENE_SPAN];
static uint64_t memory[(SCENE_FRONT_END_BYTES + 7) / 8];
static int8_t out[SCENE_MELS];

int main(void) {
    uint32_t random = 1;
    for (uint32_t i = 0; i < SCENE_SPAN; i++)
        ring[i] = (int16_t)((int32_t)scene_count_random(&random) >> (16 + i % 8));
    scene_board_paint_stack();
    scene_logmel_frame(ring, 0, 0, SCENE_WINDOW, memory, out);
    scene_count_print("stack", scene_board_stack_used());
    scene_count_start();
    uint64_t sum = 0;
    for (uint32_t run = 0; run < RUNS; run++) {
        const uint64_t before = scene_board_ticks();
        scene_logmel_frame(ring, run * SCENE_SPAN / RUNS, 0, SCENE_WINDOW, memory, out);
        sum += scene_board_ticks() - before;
    }
    scene_count_print("frame", (int64_t)(sum / RUNS));
    for (uint32_t m = 0; m < SCENE_MELS; m++)
        scene_count_print("feature", out[m]);
    return 0;
}
