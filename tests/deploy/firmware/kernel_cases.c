/* Runs the kernels on the cases that lie in a block of bytes (see kernel_cases.py) and prints the ones that differ. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene_kernels.h"

#define CANARY 16

extern const uint8_t cases_start[], cases_end[];

enum { POINTWISE, CONV, DEPTHWISE };

/* A copy `shift` bytes off an aligned place, which ends where the block ends. */
static int8_t *copy(const uint8_t **data, size_t bytes, size_t shift) {
    int8_t *block = malloc(bytes + shift + (bytes + shift == 0));
    memcpy(block + shift, *data, bytes);
    *data += bytes;
    return block + shift;
}

static int differs(const uint8_t **data, int number) {
    uint16_t fields[16];
    memcpy(fields, *data, sizeof fields);
    *data += sizeof fields;
    const size_t kernel = (size_t)fields[1] * fields[2], channels = fields[8], off = fields[14];
    const size_t weights = kernel * fields[6] * (fields[0] == DEPTHWISE ? 1 : channels);
    const size_t row = (size_t)fields[5] * fields[6], size = fields[7] * channels, patch = fields[12];
    int8_t *bias = copy(data, 4 * channels, 0), *multiplier = copy(data, 4 * channels, 0);
    int8_t *shift = copy(data, channels, 0), *weight = copy(data, weights, off);
    const int8_t *rows[8] = {0};
    for (size_t r = 0; r < fields[1]; r++) {
        if (fields[13] >> r & 1) {
            rows[r] = copy(data, row, (off + r) & 3);
        }
    }
    const scene_conv conv = {
        .weights = weight, .bias = (const int32_t *)(void *)bias, .multiplier = (const int32_t *)(void *)multiplier,
        .shift = shift, .in_columns = fields[5], .in_channels = fields[6], .out_columns = fields[7],
        .out_channels = fields[8], .kernel_rows = (uint8_t)fields[1], .kernel_columns = (uint8_t)fields[2],
        .stride_columns = (uint8_t)fields[3], .pad_columns = (uint8_t)fields[4], .in_zero = (int8_t)fields[9],
        .out_zero = (int8_t)fields[10], .out_min = (int8_t)fields[11]};
    int8_t *scratch = malloc(patch + CANARY), *block = malloc(size + off + CANARY), *out = block + off;
    memset(scratch, 77, patch + CANARY);
    memset(block, 77, size + off + CANARY);
    if (fields[0] == POINTWISE) {
        scene_pointwise_row(&conv, rows[0], out);
    } else if (fields[0] == CONV) {
        scene_conv_row(&conv, rows, scratch, out);
    } else {
        scene_depthwise_row(&conv, rows, scratch, out);
    }
    int wrong = memcmp(out, *data, size) != 0;
    for (size_t i = 0; i < size && wrong; i++) {
        if (out[i] != (int8_t)(*data)[i]) {
            printf("case %d, byte %d: %d, expected %d\n", number, (int)i, out[i], (int8_t)(*data)[i]);
            break;
        }
    }
    for (size_t i = 0; i < CANARY; i++) {
        if (scratch[patch + i] != 77 || out[size + i] != 77) {
            printf("case %d: written behind the %s\n", number, out[size + i] != 77 ? "output" : "patch");
            wrong = 1;
        }
    }
    *data += size;
    free(scratch);
    free(block);
    for (size_t r = 0; r < fields[1]; r++) {
        free(rows[r] ? (void *)(uintptr_t)(rows[r] - ((off + r) & 3)) : NULL);
    }
    free(weight - off);
    free(shift);
    free(multiplier);
    free(bias);
    return wrong;
}

int main(void) {
    int cases = 0, wrong = 0;
    for (const uint8_t *data = cases_start; data < cases_end; cases++) {
        wrong += differs(&data, cases);
    }
    printf("%d cases, %d wrong\n", cases, wrong);
    return wrong != 0;
}
