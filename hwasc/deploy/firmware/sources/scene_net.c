/*
 * The net runs segment by segment. Within a segment the last step that has all the rows which it reads makes one row, again and
 * again, so that line buffers hold few rows; then the segment's steps on single cells run.
 */
#include "scene_net.h"

#include <stddef.h>
#include <string.h>

#include "scene_kernels.h"
#include "scene_model.h"
#include "scene_steps.h"

/* A profile counts the time of each operator by these. */
#ifndef SCENE_PROFILE_BEGIN
#define SCENE_PROFILE_BEGIN(name)
#define SCENE_PROFILE_END(name)
#endif

/* A row of a buffer. */
static int8_t *scene_row(const scene_buffer *buffer, uint32_t row, int8_t *memory) {
    if (row >= buffer->held) {
        row %= buffer->held;
    }
    return memory + buffer->offset + row * buffer->bytes;
}

/* Copy a row of the clip's features. */
static void scene_load(const int8_t *features, const uint16_t *order, uint32_t row, int8_t *out) {
#if SCENE_NET_ROWS_ARE_MELS
    for (uint32_t t = 0; t < SCENE_FRAMES; t++) {
        out[t] = features[(uint32_t)order[t] * SCENE_MELS + row];
    }
#else
    memcpy(out, features + (uint32_t)order[row] * SCENE_MELS, SCENE_MELS);
#endif
}

/* Whether a step has rows to make and all the rows which the next one reads. */
static int scene_ready(const scene_step *step, uint32_t row, const uint16_t *made) {
    if (row >= step->rows) {
        return 0;
    }
    for (uint32_t i = 0; i < SCENE_OPERANDS; i++) {
        const scene_operand *operand = &step->operand[i];
        if (operand->kernel != 0 && operand->maker >= 0) {
            const uint32_t needed = row * operand->stride + operand->kernel - operand->pad;
            const uint32_t there = made[operand->maker];
            if (there < needed && there < operand->rows) {
                return 0;
            }
        }
    }
    return 1;
}

/* Make one row of a step. */
static void scene_make(const scene_step *step, uint32_t row, int8_t *memory, int8_t *patch) {
    const int8_t *rows[SCENE_NET_OPERAND_ROWS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < SCENE_OPERANDS; i++) {
        const scene_operand *operand = &step->operand[i];
        const scene_buffer *buffer = &scene_net_buffers[operand->buffer];
        for (uint32_t k = 0; k < operand->kernel; k++) {
            const uint32_t padded = row * operand->stride + k; /* the row's number if those of the padding were counted */
            const uint32_t source = padded - operand->pad;
            const int inside = padded >= operand->pad && source < operand->rows;
            rows[count++] = inside ? scene_row(buffer, source, memory) : NULL;
        }
    }
    SCENE_PROFILE_BEGIN(step->name);
    step->run(step->numbers, rows, patch, scene_row(&scene_net_buffers[step->output], row, memory));
    SCENE_PROFILE_END(step->name);
}

/* Run a segment. The features are read where one of its steps copies them. */
static void scene_run_segment(const scene_segment *segment, const int8_t *features, const uint16_t *order,
                              int8_t *memory) {
    int8_t *const patch = memory + segment->patch;
    uint16_t made[SCENE_NET_STEPS] = {0};
    uint32_t i;
    for (i = 0; i < segment->row_count; i++) {
        const scene_step *step = &segment->rows[i];
        if (step->sums != 0) {
            memset(scene_row(&scene_net_buffers[step->output], 0, memory), 0, (size_t)step->sums * sizeof(int32_t));
        }
    }
    while (i > 0) {
        const scene_step *step = &segment->rows[i - 1];
        const uint32_t row = made[i - 1];
        if (!scene_ready(step, row, made)) {
            i--;
            continue;
        }
        if (step->run != NULL) {
            scene_make(step, row, memory, patch);
        } else {
            scene_load(features, order, row, scene_row(&scene_net_buffers[step->output], row, memory));
        }
        made[i - 1] = (uint16_t)(row + 1);
        i = segment->row_count;
    }
    for (i = 0; i < segment->cell_count; i++) {
        scene_make(&segment->cells[i], 0, memory, patch);
    }
}

void scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits) {
    int8_t *const bytes = (int8_t *)memory;
    for (uint32_t s = 0; s < SCENE_NET_SEGMENTS; s++) {
        scene_run_segment(&scene_net_segments[s], features, order, bytes);
    }
    memcpy(logits, bytes + SCENE_NET_LOGITS, SCENE_CLASSES);
}

void scene_step_pointwise(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    (void)patch;
    scene_pointwise_row((const scene_conv *)numbers, rows[0], out);
}

void scene_step_conv(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    scene_conv_row((const scene_conv *)numbers, rows, patch, out);
}

void scene_step_depthwise(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    scene_depthwise_row((const scene_conv *)numbers, rows, patch, out);
}
