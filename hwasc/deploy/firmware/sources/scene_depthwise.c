#include <string.h>

#include "scene_kernels.h"
#include "scene_requantize.h"

/* Channels at a time: as many sums as fit a small core's registers, or a host's vectors. */
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define LANES 4
#else
#define LANES 16
#endif

/* Adds `count` products to the sums. */
static inline void add_products(const int8_t *in, const int8_t *weights, int32_t sums[LANES], uint32_t count) {
    if (count == LANES) {
        for (uint32_t i = 0; i < LANES; i++) {
            sums[i] += in[i] * weights[i];
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            sums[i] += in[i] * weights[i];
        }
    }
}

/* The outputs of one column for `count` channels from `channel` on; `outside` stands for inputs beyond the map. */
static void outputs(const scene_conv *conv, const int8_t *const rows[], const int8_t *outside, uint32_t column,
                    uint32_t channel, uint32_t count, int8_t *out) {
    const uint32_t channels = conv->in_channels;
    const int32_t first = (int32_t)(column * conv->stride_columns) - conv->pad_columns;
    const int8_t *weights = conv->weights + channel;
    int32_t sums[LANES] = {0};
    for (uint32_t i = 0; i < count; i++) {
        sums[i] = conv->bias[channel + i];
    }
    for (uint32_t r = 0; r < conv->kernel_rows; r++) {
        for (int32_t k = 0; k < conv->kernel_columns; k++) {
            const int32_t at = first + k;
            const int inside = rows[r] != NULL && at >= 0 && at < conv->in_columns;
            add_products(inside ? rows[r] + (uint32_t)at * channels + channel : outside, weights, sums, count);
            weights += channels;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const int32_t value = scene_requantize(sums[i], conv->multiplier[channel + i], conv->shift[channel + i]);
        out[i] = scene_output(value, conv->out_zero, conv->out_min);
    }
}

#if SCENE_DSP

/* Four channels of a row, with what they need for all of its columns. */
typedef struct {
    int32_t bias[4];
    scene_scale scales[4];
    const int8_t *const *rows; /* without NULL */
    uint32_t *weights;         /* int16: for each column of the kernel, pairs of its rows for each channel, and the last row alone */
    int32_t *outside;          /* for each column of the kernel: what it adds for each channel where it is outside the map */
} group;

typedef struct {
    int32_t a, b, c, d;
} four_sums;

/* Adds the products of two rows: a pair of weights for each channel. */
#define TWO_ROWS                                                                                                       \
    "ldrd %[x], %[y], [%[rows]], #8\n ldr %[x], [%[x], %[at]]\n ldr %[y], [%[y], %[at]]\n"                             \
    "ldrd %[v], %[w], [%[weights]], #8\n pkhbt %[z], %[x], %[y], lsl #16\n pkhtb %[y], %[y], %[x], asr #16\n"         \
    "sxtb16 %[x], %[z]\n smlad %[a], %[x], %[v], %[a]\n sxtb16 %[x], %[z], ror #8\n smlad %[b], %[x], %[w], %[b]\n"   \
    "ldrd %[v], %[w], [%[weights]], #8\n"                                                                               \
    "sxtb16 %[x], %[y]\n smlad %[c], %[x], %[v], %[c]\n sxtb16 %[y], %[y], ror #8\n smlad %[d], %[y], %[w], %[d]\n"

/* Adds the products of one row: weights of channels 0 and 2, then of 1 and 3. */
#define ONE_ROW                                                                                                        \
    "ldr %[x], [%[rows]], #4\n ldr %[x], [%[x], %[at]]\n ldrd %[v], %[w], [%[weights]], #8\n sxtb16 %[y], %[x]\n"       \
    "sxtb16 %[x], %[x], ror #8\n smlabb %[a], %[y], %[v], %[a]\n smlatt %[c], %[y], %[v], %[c]\n"                      \
    "smlabb %[b], %[x], %[w], %[b]\n smlatt %[d], %[x], %[w], %[d]\n"

#define ADD(instructions)                                                                                              \
    __asm__ volatile(instructions                                                                                      \
                     : [a] "+r"(sums.a), [b] "+r"(sums.b), [c] "+r"(sums.c), [d] "+r"(sums.d), [rows] "+r"(rows),      \
                       [weights] "+r"(weights), [x] "=&r"(x), [y] "=&r"(y), [z] "=&r"(z), [v] "=&r"(v), [w] "=&r"(w)   \
                     : [at] "r"(at)                                                                                    \
                     : "memory")

/* The outputs of one column. `count` is kernel_rows, a constant where the compiler can unroll. */
static inline void one_column(const scene_conv *conv, const group *four, uint32_t column, uint32_t count, uint32_t channel,
                              int8_t *out) {
    const int32_t first = (int32_t)(column * conv->stride_columns) - conv->pad_columns;
    const int32_t kernel = conv->kernel_columns, end = conv->in_columns - first;
    const int32_t from = first < 0 ? -first : 0, to = end < kernel ? end : kernel;
    const uint32_t *weights = four->weights + (uint32_t)from * ((count & ~1u) * 2 + (count & 1) * 2);
    uint32_t at = (uint32_t)(first + from) * conv->in_channels + channel;
    four_sums sums = {four->bias[0], four->bias[1], four->bias[2], four->bias[3]};
    if (to - from < kernel) {
        for (int32_t k = 0; k < kernel; k++) {
            if (k < from || k >= to) {
                sums.a += four->outside[4 * k];
                sums.b += four->outside[4 * k + 1];
                sums.c += four->outside[4 * k + 2];
                sums.d += four->outside[4 * k + 3];
            }
        }
    }
    for (int32_t k = from; k < to; k++) {
        const int8_t *const *rows = four->rows;
        uint32_t x, y, z, v, w;
        for (uint32_t r = count >> 1; r > 0; r--) {
            ADD(TWO_ROWS);
        }
        if (count & 1) {
            ADD(ONE_ROW);
        }
        at += conv->in_channels;
    }
    out[0] = scene_scaled(sums.a, four->scales[0]);
    out[1] = scene_scaled(sums.b, four->scales[1]);
    out[2] = scene_scaled(sums.c, four->scales[2]);
    out[3] = scene_scaled(sums.d, four->scales[3]);
}

/* Makes what the columns share. A row outside the map adds the same everywhere: it goes into the bias, and its weights are 0. */
static void prepare(const scene_conv *conv, const int8_t *const rows[], uint32_t channel, group *four) {
    const uint32_t channels = conv->in_channels, width = conv->kernel_columns * channels;
    uint32_t *pairs = four->weights;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t c = channel + i;
        four->bias[i] = conv->bias[c];
        four->scales[i] = scene_scale_of(conv->multiplier[c], conv->shift[c], conv->out_zero);
    }
    for (uint32_t k = 0; k < conv->kernel_columns; k++) {
        const int8_t *at = conv->weights + k * channels + channel;
        int32_t *outside = four->outside + 4 * k;
        for (uint32_t i = 0; i < 4; i++) {
            outside[i] = 0;
        }
        for (uint32_t r = 0; r < conv->kernel_rows; r++, at += width) {
            int32_t *sums = rows[r] == NULL ? four->bias : outside;
            for (uint32_t i = 0; i < 4; i++) {
                sums[i] += conv->in_zero * at[i];
            }
            const uint32_t words = rows[r] == NULL ? 0 : scene_load4(at);
            if (r & 1) {
                const uint32_t before = pairs[-1], low = (before & 0xFFFFu) | words << 16, high = before >> 16 | (words & 0xFFFF0000u);
                pairs[-1] = scene_even(low);
                pairs[0] = scene_odd(low);
                pairs[1] = scene_even(high);
                pairs[2] = scene_odd(high);
                pairs += 3;
            } else if (r + 1 < conv->kernel_rows) {
                *pairs++ = words;
            } else {
                *pairs++ = scene_even(words);
                *pairs++ = scene_odd(words);
            }
        }
    }
}

/* Four channels of all columns. */
static void four_channels(const scene_conv *conv, const group *four, uint32_t channel, int8_t *out) {
    for (uint32_t column = 0; column < conv->out_columns; column++, out += conv->out_channels) {
        if (conv->kernel_rows == 3) {
            one_column(conv, four, column, 3, channel, out);
        } else {
            one_column(conv, four, column, conv->kernel_rows, channel, out);
        }
    }
}

static int are_simple(const int8_t *shift) {
    return scene_is_simple(shift[0]) && scene_is_simple(shift[1]) && scene_is_simple(shift[2]) && scene_is_simple(shift[3]);
}

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels, count = conv->kernel_rows;
    const int8_t **const inside = patch;
    const int8_t *any = NULL;
    for (uint32_t r = 0; r < count; r++) {
        any = rows[r] == NULL ? any : rows[r];
    }
    for (uint32_t r = 0; r < count; r++) {
        inside[r] = rows[r] == NULL ? any : rows[r];
    }
    group four;
    four.rows = inside;
    four.outside = (int32_t *)(void *)(inside + count);
    four.weights = (uint32_t *)four.outside + 4 * conv->kernel_columns;
    for (uint32_t channel = 0; channel < channels; channel += LANES) {
        if (channels >= 4) { /* the last ones overlap those before */
            channel = channels - channel < 4 ? channels - 4 : channel;
            if (are_simple(conv->shift + channel)) {
                prepare(conv, rows, channel, &four);
                four_channels(conv, &four, channel, out + channel);
                continue;
            }
        }
        int8_t outside[LANES];
        memset(outside, conv->in_zero, LANES);
        const uint32_t here = channels - channel < LANES ? channels - channel : LANES;
        for (uint32_t column = 0; column < conv->out_columns; column++) {
            outputs(conv, rows, outside, column, channel, here, out + column * channels + channel);
        }
    }
    scene_raise(conv, conv->out_columns, out);
}

#else

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels;
    memset(patch, conv->in_zero, LANES);
    for (uint32_t column = 0; column < conv->out_columns; column++) {
        for (uint32_t channel = 0; channel < channels; channel += LANES) {
            const uint32_t count = channels - channel < LANES ? channels - channel : LANES;
            outputs(conv, rows, patch, column, channel, count, out + column * channels + channel);
        }
    }
}

#endif
