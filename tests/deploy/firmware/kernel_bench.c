/* Counts what one row of each layer takes; the layers come from kernel_bench.py. */
#include "scene_board.h"
#include "scene_kernels.h"

#define BYTES (64u * 1024u)

enum { POINTWISE, CONV, DEPTHWISE };

static const uint16_t layers[][9] = {
#include "layers.h"
};

static int8_t weights[BYTES], input[BYTES], output[BYTES];
static int32_t bias[1024], multiplier[1024];
static int8_t shift[1024];
static uint32_t patch[4096];

static void print(const char *name, int64_t value) {
    scene_board_print(name);
    scene_board_print(" ");
    scene_board_print_number(value);
    scene_board_print("\n");
}

static void run(const uint16_t *layer) {
    const scene_conv conv = {.weights = weights,
                             .bias = bias,
                             .multiplier = multiplier,
                             .shift = shift,
                             .kernel_rows = (uint8_t)layer[1],
                             .kernel_columns = (uint8_t)layer[2],
                             .stride_columns = (uint8_t)layer[3],
                             .pad_columns = (uint8_t)layer[4],
                             .in_columns = layer[5],
                             .in_channels = layer[6],
                             .out_columns = layer[7],
                             .out_channels = layer[8],
                             .in_zero = -128,
                             .out_zero = -128,
                             .out_min = -128};
    const int8_t *rows[8];
    for (uint32_t r = 0; r < 8; r++) {
        rows[r] = input + 1024 * r;
    }
    if (layer[0] == POINTWISE) {
        scene_pointwise_row(&conv, rows[0], output);
    } else if (layer[0] == CONV) {
        scene_conv_row(&conv, rows, patch, output);
    } else {
        scene_depthwise_row(&conv, rows, patch, output);
    }
}

int main(void) {
    uint32_t random = 1;
    for (uint32_t i = 0; i < BYTES; i++) {
        random = random * 1664525u + 1013904223u;
        weights[i] = (int8_t)(random >> 24);
        input[i] = (int8_t)(random >> 16);
    }
    for (uint32_t i = 0; i < 1024; i++) {
        bias[i] = 4321;
        multiplier[i] = 1500000000;
        shift[i] = -8;
    }
    scene_board_start_clock();
    uint64_t before = scene_board_ticks();
    scene_board_run_million();
    print("million", (int64_t)(scene_board_ticks() - before));
    for (uint32_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        before = scene_board_ticks();
        run(layers[i]);
        print("row", (int64_t)(scene_board_ticks() - before));
    }
    return 0;
}
