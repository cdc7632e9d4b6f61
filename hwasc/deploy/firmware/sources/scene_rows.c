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

/* From -128 to 127, which is one instruction on most cores. */
static inline int8_t scene_cut(int32_t value) {
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

void scene_step_linear(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_linear *linear = (const scene_linear *)numbers;
    const int32_t a = linear->a, b = linear->b, offset = linear->offset, shift = linear->shift;
    const uint32_t count = (uint32_t)linear->columns * linear->channels;
    const int8_t *x = rows[0], *y = rows[1];
    (void)patch;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = scene_cut((x[i] * a + offset + y[i] * b) >> shift);
    }
}

void scene_step_linear_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_linear *linear = (const scene_linear *)numbers;
    const int32_t a = linear->a, shift = linear->shift;
    const uint32_t channels = linear->channels, count = linear->columns * channels;
    const int8_t *x = rows[0], *y = linear->constant != NULL ? linear->constant : rows[1];
    (void)patch;
    for (uint32_t channel = 0; channel < channels; channel++, y += linear->step) {
        const int32_t offset = *y * linear->b + linear->offset;
        for (uint32_t i = channel; i < count; i += channels) {
            out[i] = scene_cut((x[i] * a + offset) >> shift);
        }
    }
}

/* `twice` is two times the product, shifted to the left. */
static inline int8_t scene_product_output(int32_t twice, int32_t multiplier, int32_t rounding, int32_t right) {
    const int32_t high = (int32_t)(((int64_t)twice * multiplier + INT64_C(0x80000000)) >> 32);
    return scene_cut((high + (high >> 31) + rounding) >> right);
}

void scene_step_product(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_product *product = (const scene_product *)numbers;
    const int32_t multiplier = product->multiplier, rounding = product->rounding, right = product->right;
    const int32_t x_zero = product->a_zero, y_zero = product->b_zero, scale = 1 << product->left;
    const uint32_t count = (uint32_t)product->columns * product->channels;
    const int8_t *x = rows[0], *y = rows[1];
    (void)patch;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t twice = (x[i] - x_zero) * (y[i] - y_zero) * scale;
        out[i] = scene_product_output(twice, multiplier, rounding, right);
    }
}

void scene_step_product_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_product *product = (const scene_product *)numbers;
    const int32_t multiplier = product->multiplier, rounding = product->rounding, right = product->right;
    const uint32_t channels = product->channels, count = product->columns * channels;
    const int8_t *x = rows[0], *y = product->constant != NULL ? product->constant : rows[1];
    (void)patch;
    for (uint32_t channel = 0; channel < channels; channel++, y += product->step) {
        const int32_t factor = (*y - product->b_zero) * (1 << product->left), offset = -product->a_zero * factor;
        for (uint32_t i = channel; i < count; i += channels) {
            out[i] = scene_product_output(x[i] * factor + offset, multiplier, rounding, right);
        }
    }
}

/* The cells under the window of an average's output column that lie within the map. */
typedef struct {
    const int8_t *rows[SCENE_POOL_ROWS]; /* from the first such column on */
    uint32_t height;
    uint32_t width;
} scene_window;

static scene_window scene_inside(const scene_pool *pool, const int8_t *const rows[], uint32_t column) {
    const uint32_t padded = column * pool->stride_columns, beyond = padded + pool->kernel_columns - pool->pad_columns;
    const uint32_t first = padded > pool->pad_columns ? padded - pool->pad_columns : 0;
    scene_window window = {{NULL}, 0, (beyond < pool->in_columns ? beyond : pool->in_columns) - first};
    for (uint32_t k = 0; k < pool->kernel_rows; k++) {
        if (rows[k] != NULL) {
            window.rows[window.height++] = rows[k] + first * pool->channels;
        }
    }
    return window;
}

/* The sum of the window's cells for one channel. */
static inline int32_t scene_window_sum(const scene_window *window, uint32_t channel, uint32_t channels) {
    int32_t sum = 0;
    if (window->height == 3 && window->width == 3) {
        const int8_t *a = window->rows[0] + channel, *b = window->rows[1] + channel, *c = window->rows[2] + channel;
        const uint32_t two = 2 * channels;
        return a[0] + a[channels] + a[two] + b[0] + b[channels] + b[two] + c[0] + c[channels] + c[two];
    }
    for (uint32_t k = 0; k < window->height; k++) {
        const int8_t *in = window->rows[k] + channel;
        for (uint32_t i = 0; i < window->width; i++, in += channels) {
            sum += *in;
        }
    }
    return sum;
}

void scene_step_average(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pool *pool = (const scene_pool *)numbers;
    const uint32_t channels = pool->channels;
    (void)patch;
    for (uint32_t column = 0; column < pool->out_columns; column++, out += channels) {
        const scene_window window = scene_inside(pool, rows, column);
        const uint32_t count = window.height * window.width;
        /* sum / count, halves away from zero: (2 * sum - (1 if negative) + count) / (2 * count), made positive by 256 */
        const uint32_t reciprocal = ((UINT32_C(1) << 18) + 2 * count - 1) / (2 * count);
        const int32_t positive = (int32_t)(count + 512 * count);
        for (uint32_t channel = 0; channel < channels; channel++) {
            const int32_t sum = scene_window_sum(&window, channel, channels);
            const uint32_t twice = (uint32_t)(2 * sum + (sum >> 31) + positive);
            out[channel] = (int8_t)((int32_t)(twice * reciprocal >> 18) - 256);
        }
    }
}

void scene_step_average_padded(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pool *pool = (const scene_pool *)numbers;
    const uint32_t channels = pool->channels;
    (void)patch;
    for (uint32_t column = 0; column < pool->out_columns; column++, out += channels) {
        const scene_window window = scene_inside(pool, rows, column);
        const int32_t zeros = (int32_t)(window.height * window.width) * pool->zero;
        const int32_t offset = pool->offset - zeros * pool->factor;
        for (uint32_t channel = 0; channel < channels; channel++) {
            const int32_t sum = scene_window_sum(&window, channel, channels);
            out[channel] = scene_cut((sum * pool->factor + offset) >> pool->shift);
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
