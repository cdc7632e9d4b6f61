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

/* From -128 to 127. Compilers do not find the one instruction that most cores have for it. */
static inline int8_t scene_cut(int32_t value) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
    __asm__("ssat %0, #8, %0" : "+r"(value));
    return (int8_t)value;
#else
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
#endif
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

/* The DSP extension multiplies and rounds in one instruction, for twice the value. */
#if SCENE_DSP
#define SCENE_TIMES 2
#else
#define SCENE_TIMES 1
#endif

/* `value` is SCENE_TIMES times the product, shifted to the left. The sign of what is shifted to the right is taken off, so that
 * halves go away from zero; where the upper half of a negative product became 0, the shift removes that 1 again. */
static inline int8_t scene_product_output(int32_t value, int32_t multiplier, int32_t rounding, int32_t right) {
#if SCENE_DSP
    int32_t high;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(value), "r"(multiplier), "r"(rounding));
#else
    const int32_t high = scene_upper(value, multiplier) + rounding;
#endif
    return scene_cut((high + (value >> 31)) >> right);
}

void scene_step_product(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_product *product = (const scene_product *)numbers;
    const int32_t multiplier = product->multiplier, rounding = product->rounding, right = product->right;
    const int32_t x_zero = product->a_zero, y_zero = product->b_zero, scale = SCENE_TIMES * (1 << product->left);
    const uint32_t count = (uint32_t)product->columns * product->channels;
    const int8_t *x = rows[0], *y = rows[1];
    (void)patch;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t value = (x[i] - x_zero) * (y[i] - y_zero) * scale;
        out[i] = scene_product_output(value, multiplier, rounding, right);
    }
}

void scene_step_product_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_product *product = (const scene_product *)numbers;
    const int32_t multiplier = product->multiplier, rounding = product->rounding, right = product->right;
    const int32_t x_zero = product->a_zero, y_zero = product->b_zero, scale = SCENE_TIMES * (1 << product->left);
    const uint32_t channels = product->channels, count = product->columns * channels;
    const int8_t *x = rows[0], *y = product->constant != NULL ? product->constant : rows[1];
    const uint32_t step = product->step;
    (void)patch;
    for (uint32_t channel = 0; channel < channels; channel++, y += step) {
        const int32_t factor = (*y - y_zero) * scale, offset = -x_zero * factor;
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

static inline int scene_whole(const scene_window *window) {
    return window->height == 3 && window->width == 3;
}

/* The sum of the window's cells for one channel; of a whole window (3 x 3) without loops. */
static inline int32_t scene_whole_sum(const int8_t *const rows[], uint32_t channel, uint32_t channels) {
    const int8_t *a = rows[0] + channel, *b = rows[1] + channel, *c = rows[2] + channel;
    const uint32_t two = 2 * channels;
    return a[0] + a[channels] + a[two] + b[0] + b[channels] + b[two] + c[0] + c[channels] + c[two];
}

static inline int32_t scene_window_sum(const scene_window *window, uint32_t channel, uint32_t channels) {
    int32_t sum = 0;
    for (uint32_t k = 0; k < window->height; k++) {
        const int8_t *in = window->rows[k] + channel;
        for (uint32_t i = 0; i < window->width; i++, in += channels) {
            sum += *in;
        }
    }
    return sum;
}

/* sum / count, halves away from zero: (2 * sum - (1 if negative) + count) / (2 * count), made positive by 256 * 2 * count. */
static inline int8_t scene_quotient_of(int32_t sum, int32_t positive, uint32_t reciprocal) {
    const uint32_t twice = (uint32_t)(2 * sum + (sum >> 31) + positive);
    return (int8_t)((int32_t)(twice * reciprocal >> 18) - 256);
}

void scene_step_average(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pool *pool = (const scene_pool *)numbers;
    const uint32_t channels = pool->channels;
    (void)patch;
    for (uint32_t column = 0; column < pool->out_columns; column++, out += channels) {
        const scene_window window = scene_inside(pool, rows, column);
        const uint32_t count = window.height * window.width;
        const uint32_t reciprocal = ((UINT32_C(1) << 18) + 2 * count - 1) / (2 * count);
        const int32_t positive = (int32_t)(count + 512 * count);
        if (scene_whole(&window)) {
            for (uint32_t i = 0; i < channels; i++) {
                out[i] = scene_quotient_of(scene_whole_sum(window.rows, i, channels), positive, reciprocal);
            }
        } else {
            for (uint32_t i = 0; i < channels; i++) {
                out[i] = scene_quotient_of(scene_window_sum(&window, i, channels), positive, reciprocal);
            }
        }
    }
}

void scene_step_average_padded(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pool *pool = (const scene_pool *)numbers;
    const uint32_t channels = pool->channels;
    const int32_t factor = pool->factor, shift = pool->shift;
    (void)patch;
    for (uint32_t column = 0; column < pool->out_columns; column++, out += channels) {
        const scene_window window = scene_inside(pool, rows, column);
        const int32_t offset = pool->offset - (int32_t)(window.height * window.width) * pool->zero * factor;
        if (scene_whole(&window)) {
            for (uint32_t i = 0; i < channels; i++) {
                out[i] = scene_cut((scene_whole_sum(window.rows, i, channels) * factor + offset) >> shift);
            }
        } else {
            for (uint32_t i = 0; i < channels; i++) {
                out[i] = scene_cut((scene_window_sum(&window, i, channels) * factor + offset) >> shift);
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
