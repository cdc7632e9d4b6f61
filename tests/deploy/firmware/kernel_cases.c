/* Runs the kernels on the cases of its standard input (see kernel_cases.py) and prints the ones that differ. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scene_kernels.h"
#include "scene_requantize.h"

#define CANARY 16

static uint8_t cases[700000];

#ifdef ON_BOARD

#include "scene_board.h"

#define print scene_board_print
#define print_number scene_board_print_number

static uint32_t read_cases(void) {
    uint32_t bytes = 0, more;
    while ((more = scene_board_read(cases + bytes, (uint32_t)sizeof cases - bytes)) > 0) {
        bytes += more;
    }
    return bytes;
}

static uint64_t heap[1 << 14];
static size_t used;

static void *get(size_t bytes) {
    void *block = (uint8_t *)heap + used;
    used += (bytes + 7) / 8 * 8;
    return block;
}

static void give_back(void *block) { used = block == (void *)heap ? 0 : used; }

#else

#include <stdio.h>

#define get malloc
#define give_back free

static void print(const char *text) { fputs(text, stdout); }

static void print_number(int64_t value) { printf("%lld", (long long)value); }

static uint32_t read_cases(void) { return (uint32_t)fread(cases, 1, sizeof cases, stdin); }

#endif

enum { POINTWISE, CONV, DEPTHWISE };

/* A copy `shift` bytes off an aligned place, which ends where the block ends. */
static int8_t *copy(const uint8_t **data, size_t bytes, size_t shift) {
    int8_t *block = get(bytes + shift + (bytes + shift == 0));
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
    const scene_conv conv = {.weights = weight,
                             .bias = (const int32_t *)(void *)bias,
                             .multiplier = (const int32_t *)(void *)multiplier,
                             .shift = shift,
                             .in_columns = fields[5],
                             .in_channels = fields[6],
                             .out_columns = fields[7],
                             .out_channels = fields[8],
                             .kernel_rows = (uint8_t)fields[1],
                             .kernel_columns = (uint8_t)fields[2],
                             .stride_columns = (uint8_t)fields[3],
                             .pad_columns = (uint8_t)fields[4],
                             .in_zero = (int8_t)fields[9],
                             .out_zero = (int8_t)fields[10],
                             .out_min = (int8_t)fields[11]};
    int8_t *scratch = get(patch + CANARY), *block = get(size + off + CANARY), *out = block + off;
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
            print_number(number);
            print(": byte ");
            print_number((int64_t)i);
            print(": ");
            print_number(out[i]);
            print(", expected ");
            print_number((int8_t)(*data)[i]);
            print("\n");
            break;
        }
    }
    for (size_t i = 0; i < CANARY; i++) {
        if (scratch[patch + i] != 77 || out[size + i] != 77) {
            print_number(number);
            print(out[size + i] != 77 ? ": written behind the output\n" : ": written behind the patch\n");
            wrong = 1;
        }
    }
    *data += size;
    give_back(scratch);
    give_back(block);
    for (size_t r = 0; r < fields[1]; r++) {
        give_back(rows[r] ? (void *)(uintptr_t)(rows[r] - ((off + r) & 3)) : NULL);
    }
    give_back(weight - off);
    give_back(shift);
    give_back(multiplier);
    give_back(bias);
    return wrong;
}

/* Whether upper halves of products are those of 64 bits, for numbers of every size and sign. */
static int upper_halves_differ(void) {
    uint32_t random = 1;
    int wrong = 0;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525u + 1013904223u;
        const int32_t a = (int32_t)random >> (i % 31);
        random = random * 1664525u + 1013904223u;
        const int32_t b = (int32_t)random >> (i / 31 % 31);
        wrong += scene_upper(a, b) != (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
    }
    return wrong;
}

int main(void) {
    int number = 0, wrong = upper_halves_differ();
    const uint8_t *data = cases, *const end = cases + read_cases();
    for (; data < end; number++) {
        wrong += differs(&data, number);
    }
    print_number(number);
    print(" cases, ");
    print_number(wrong);
    print(" wrong\n");
    return wrong != 0;
}
