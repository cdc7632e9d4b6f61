/* Steps on rows of maps, beside the convolutions: sums, products, averages, means. Vectors are rows of one column. */
#include <string.h>

#include "scene_requantize.h"
#include "scene_steps.h"

#define SUM_BITS 20 /* that TensorFlow Lite's sum shifts its operands by */

/* An operand of a sum at the sum's scale. */
static inline int32_t scene_addend(int32_t value, const scene_factor *factor) {
    return scene_requantize(value * (1 << SUM_BITS), factor->multiplier, factor->shift);
}

static inline int8_t scene_pair_output(int32_t value, const scene_pair *pair) {
    return scene_output(scene_requantize(value, pair->out.multiplier, pair->out.shift), pair->out_zero, pair->out_min);
}

void scene_step_add(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pair *pair = (const scene_pair *)numbers;
    const uint32_t count = (uint32_t)pair->columns * pair->channels;
    const int8_t *a = rows[0], *b = rows[1];
    (void)patch;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t first = scene_addend(a[i] - pair->a_zero, &pair->a);
        const int32_t second = scene_addend(b[i] - pair->b_zero, &pair->b);
        out[i] = scene_pair_output(first + second, pair);
    }
}

void scene_step_add_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pair *pair = (const scene_pair *)numbers;
    const uint32_t channels = pair->channels, count = pair->columns * channels;
    const int8_t *b = pair->constant != NULL ? pair->constant : rows[1];
    (void)patch;
    for (uint32_t channel = 0; channel < channels; channel++, b += pair->step) {
        const int32_t second = scene_addend(*b - pair->b_zero, &pair->b);
        for (uint32_t i = channel; i < count; i += channels) {
            const int32_t first = scene_addend(rows[0][i] - pair->a_zero, &pair->a);
            out[i] = scene_pair_output(first + second, pair);
        }
    }
}

void scene_step_mul(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pair *pair = (const scene_pair *)numbers;
    const uint32_t count = (uint32_t)pair->columns * pair->channels;
    const int8_t *a = rows[0], *b = rows[1];
    (void)patch;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = scene_pair_output((a[i] - pair->a_zero) * (b[i] - pair->b_zero), pair);
    }
}

void scene_step_mul_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pair *pair = (const scene_pair *)numbers;
    const uint32_t channels = pair->channels, count = pair->columns * channels;
    const int8_t *b = pair->constant != NULL ? pair->constant : rows[1];
    (void)patch;
    for (uint32_t channel = 0; channel < channels; channel++, b += pair->step) {
        const int32_t second = *b - pair->b_zero;
        for (uint32_t i = channel; i < count; i += channels) {
            out[i] = scene_pair_output((rows[0][i] - pair->a_zero) * second, pair);
        }
    }
}

/* The average of the cells inside the map: sum / count, halves away from zero. */
static inline int8_t scene_average_inside(int32_t sum, uint32_t count, uint32_t reciprocal) {
    const uint32_t amount = (((uint32_t)(sum < 0 ? -sum : sum) + count / 2) * reciprocal) >> 16;
    return (int8_t)(sum < 0 ? -(int32_t)amount : (int32_t)amount);
}

void scene_step_average(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pool *pool = (const scene_pool *)numbers;
    const uint32_t channels = pool->channels;
    const int8_t *inside[SCENE_POOL_ROWS];
    uint32_t height = 0;
    (void)patch;
    for (uint32_t k = 0; k < pool->kernel_rows; k++) {
        if (rows[k] != NULL) {
            inside[height++] = rows[k];
        }
    }
    for (uint32_t column = 0; column < pool->out_columns; column++, out += channels) {
        const uint32_t padded = column * pool->stride_columns, beyond = padded + pool->kernel_columns - pool->pad_columns;
        const uint32_t first = padded > pool->pad_columns ? padded - pool->pad_columns : 0;
        const uint32_t width = (beyond < pool->in_columns ? beyond : pool->in_columns) - first;
        const uint32_t count = height * width;
        const uint32_t reciprocal = 65536 / count + 1; /* exact for the sums of 3 x 3 cells */
        for (uint32_t channel = 0; channel < channels; channel++) {
            int32_t sum = 0;
            for (uint32_t k = 0; k < height; k++) {
                const int8_t *in = inside[k] + first * channels + channel;
                for (uint32_t i = 0; i < width; i++, in += channels) {
                    sum += *in;
                }
            }
            if (pool->counts_padding) {
                sum = (sum - (int32_t)count * pool->zero) * SCENE_POOL_WEIGHT;
                sum = scene_requantize(sum, pool->factor.multiplier, pool->factor.shift);
                out[channel] = scene_output(sum, pool->zero, -128);
            } else {
                out[channel] = scene_average_inside(sum, count, reciprocal);
            }
        }
    }
}

void scene_step_sum(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_mean *mean = (const scene_mean *)numbers;
    const uint32_t channels = mean->channels, count = mean->columns * channels;
    (void)patch;
    for (uint32_t channel = 0; channel < channels; channel++) {
        int32_t sum;
        memcpy(&sum, out + 4 * channel, sizeof sum);
        for (uint32_t i = channel; i < count; i += channels) {
            sum += rows[0][i];
        }
        memcpy(out + 4 * channel, &sum, sizeof sum);
    }
}
