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

/* What is counted for a tensor that is whole: more than any number of rows. */
#define SCENE_ALL UINT16_MAX

/* Whether a step has rows to make and all the rows which the next one reads; made[0] stands for tensors that were whole before,
 * made[i] for what step i - 1 makes. */
static int scene_ready(const scene_step *step, uint32_t row, const uint16_t *made) {
    const scene_operand *a = &step->operand[0], *b = &step->operand[1];
    return row < step->rows && made[a->maker] >= row * a->stride + a->kernel - a->pad &&
           made[b->maker] >= row * b->stride + b->kernel - b->pad;
}

/* Write down where the rows lie that a step reads of an operand for its row `row`; NULL is outside of the map. */
static const int8_t **scene_find(const scene_operand *operand, uint32_t row, int8_t *memory, const int8_t **found) {
    const scene_buffer *buffer = &scene_net_buffers[operand->buffer];
    const int8_t *const start = memory + buffer->offset;
    const uint32_t held = buffer->held, bytes = buffer->bytes;
    int32_t source = (int32_t)(row * operand->stride) - operand->pad;
    const int32_t end = source + operand->kernel, rows = operand->rows, last = end < rows ? end : rows;
    uint32_t place;
    const int8_t *at;
    for (; source < 0; source++) {
        *found++ = NULL;
    }
    place = (uint32_t)source;
    if (place >= held) {
        place %= held;
    }
    at = start + place * bytes;
    for (; source < last; source++) {
        *found++ = at;
        at += bytes;
        if (++place == held) {
            place = 0;
            at = start;
        }
    }
    for (; source < end; source++) {
        *found++ = NULL;
    }
    return found;
}

/* Make one row of a step. */
static void scene_make(const scene_step *step, uint32_t row, int8_t *memory, int8_t *patch) {
    const int8_t *rows[SCENE_NET_OPERAND_ROWS];
    const int8_t **found = scene_find(&step->operand[0], row, memory, rows);
    if (step->operand[1].kernel != 0) {
        scene_find(&step->operand[1], row, memory, found);
    }
    SCENE_PROFILE_BEGIN(step->name);
    step->run(step->numbers, rows, patch, scene_row(&scene_net_buffers[step->output], row, memory));
    SCENE_PROFILE_END(step->name);
}

/* Run a segment. The features are read where one of its steps copies them. */
static void scene_run_segment(const scene_segment *segment, const int8_t *features, const uint16_t *order,
                              int8_t *memory) {
    int8_t *const patch = memory + segment->patch;
    uint16_t made[SCENE_NET_STEPS + 1] = {0};
    uint32_t i;
    made[0] = SCENE_ALL;
    for (i = 0; i < segment->row_count; i++) {
        const scene_step *step = &segment->rows[i];
        if (step->sums != 0) {
            memset(scene_row(&scene_net_buffers[step->output], 0, memory), 0, (size_t)step->sums * sizeof(int32_t));
        }
    }
    while (i > 0) {
        const scene_step *step = &segment->rows[i - 1];
        const uint32_t row = made[i];
        if (!scene_ready(step, row, made)) {
            i--;
            continue;
        }
        if (step->run != NULL) {
            scene_make(step, row, memory, patch);
        } else {
            scene_load(features, order, row, scene_row(&scene_net_buffers[step->output], row, memory));
        }
        made[i] = row + 1u < step->rows ? (uint16_t)(row + 1u) : SCENE_ALL;
        i = step->last_reader; /* later steps were not ready before, and the new row is not for them */
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
