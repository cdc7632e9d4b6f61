#include <string.h>

#include "scene_kernels.h"
#include "scene_requantize.h"

/* Channels at a time: as many sums as fit a small core's registers, or a host's vectors. */
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define LANES 4
#else
#define LANES 16
#endif

/* The outputs of one column for `count` channels (at most LANES) from `channel` on. `outside` stands for inputs beyond the map. */
SCENE_APART void outputs(const scene_conv *conv, const int8_t *const rows[], const int8_t *outside, uint32_t column,
                         uint32_t channel, uint32_t count, int8_t *out) {
    const uint32_t channels = conv->in_channels, kernel = conv->kernel_columns, end = conv->in_columns;
    const uint32_t first = column * conv->stride_columns - conv->pad_columns; /* wraps below 0 */
    const int8_t *weights = conv->weights + channel;
    int32_t sums[LANES];
    for (uint32_t i = 0; i < count; i++) {
        sums[i] = conv->bias[channel + i];
    }
    for (uint32_t r = 0; r < conv->kernel_rows; r++) {
        for (uint32_t k = first; k != first + kernel; k++) {
            const int8_t *in = rows[r] != NULL && k < end ? rows[r] + k * channels + channel : outside;
            for (uint32_t i = 0; i < count; i++) {
                sums[i] += in[i] * weights[i];
            }
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

/* Adds the products of all columns of a kernel of so many rows, until the weights' end. */
#define ADD_COLUMNS(instructions, bytes)                                                                               \
    __asm__ volatile("1:\n" instructions "add %[at], %[step]\n ldr %[x], %[end]\n sub %[rows], #" bytes               \
                     "\n cmp %[weights], %[x]\n bne 1b\n"                                                             \
                     : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [rows] "+r"(rows), [weights] "+r"(weights), \
                       [at] "+r"(at), [x] "=&r"(x), [y] "=&r"(y), [z] "=&r"(z), [v] "=&r"(v), [w] "=&r"(w)             \
                     : [step] "r"(step), [end] "m"(end)                                                                \
                     : "cc", "memory")

/* Outputs of `count` columns from `column` on, for which columns `from` to `to` of the kernel are inside the map. */
SCENE_APART void add_columns(const scene_conv *conv, const group *four, uint32_t column, uint32_t count, uint32_t from, uint32_t to,
                        int8_t *out) {
    const uint32_t kernel = conv->kernel_rows, words = 2 * kernel, step = conv->in_channels;
    const uint32_t *const begin = four->weights + from * words, *const end = four->weights + to * words;
    const uint32_t next = conv->stride_columns * step;
    uint32_t start = (column * conv->stride_columns - conv->pad_columns + from) * step;
    const int8_t *const *rows = four->rows;
    int32_t bias[4] = {four->bias[0], four->bias[1], four->bias[2], four->bias[3]};
    for (uint32_t k = from > 0 ? 0 : to; k < conv->kernel_columns; k = k + 1 == from ? to : k + 1) {
        for (uint32_t i = 0; i < 4; i++) {
            bias[i] += four->outside[4 * k + i];
        }
    }
    for (out += column * step; count > 0; count--, out += step, start += next) {
        const uint32_t *weights = begin;
        uint32_t at = start, x, y, z, v, w;
        int32_t a = bias[0], b = bias[1], c = bias[2], d = bias[3];
        if (kernel == 3) {
            ADD_COLUMNS(TWO_ROWS ONE_ROW, "12");
        } else if (kernel == 5) {
            ADD_COLUMNS(TWO_ROWS TWO_ROWS ONE_ROW, "20");
        } else {
            ADD_COLUMNS(ONE_ROW, "4");
        }
        out[0] = scene_scaled(a, four->scales[0]);
        out[1] = scene_scaled(b, four->scales[1]);
        out[2] = scene_scaled(c, four->scales[2]);
        out[3] = scene_scaled(d, four->scales[3]);
    }
}

/* Makes what the columns share. A row outside the map adds the same everywhere: it goes into the bias, and its weights are 0. */
SCENE_APART void prepare(const scene_conv *conv, const int8_t *const rows[], uint32_t channel, group *four) {
    const uint32_t channels = conv->in_channels, width = conv->kernel_columns * channels, count = conv->kernel_rows;
    const int32_t zero = conv->in_zero;
    const uint32_t zeros = (uint32_t)zero << 16 | ((uint32_t)zero & 0xFFFFu);
    uint32_t *pairs = four->weights;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t c = channel + i;
        four->bias[i] = conv->bias[c];
        four->scales[i] = scene_scale_of(conv->multiplier[c], conv->shift[c], conv->out_zero);
    }
    for (uint32_t r = 0; r < count; r++) {
        const int8_t *at = conv->weights + r * width + channel;
        for (uint32_t k = rows[r] == NULL ? conv->kernel_columns : 0; k > 0; k--, at += channels) {
            for (uint32_t i = 0; i < 4; i++) {
                four->bias[i] += zero * at[i];
            }
        }
    }
    int32_t *outside = four->outside;
    for (uint32_t k = 0; k < conv->kernel_columns; k++, outside += 4) {
        const int8_t *at = conv->weights + k * channels + channel;
        int32_t a = 0, b = 0, c = 0, d = 0;
        for (uint32_t r = 0; r + 1 < count; r += 2, pairs += 4, at += 2 * width) {
            const uint32_t x = rows[r] == NULL ? 0 : scene_load4(at), y = rows[r + 1] == NULL ? 0 : scene_load4(at + width);
            const uint32_t low = (x & 0xFFFFu) | y << 16, high = x >> 16 | (y & 0xFFFF0000u);
            a = scene_pairs(pairs[0] = scene_even(low), zeros, a);
            b = scene_pairs(pairs[1] = scene_odd(low), zeros, b);
            c = scene_pairs(pairs[2] = scene_even(high), zeros, c);
            d = scene_pairs(pairs[3] = scene_odd(high), zeros, d);
        }
        if (count & 1) {
            const uint32_t x = rows[count - 1] == NULL ? 0 : scene_load4(at);
            *pairs++ = scene_even(x);
            *pairs++ = scene_odd(x);
            a += zero * (int8_t)x;
            b += zero * (int8_t)(x >> 8);
            c += zero * (int8_t)(x >> 16);
            d += zero * (int8_t)(x >> 24);
        }
        outside[0] = a;
        outside[1] = b;
        outside[2] = c;
        outside[3] = d;
    }
}

/* Four channels of all columns: those with the whole kernel inside the map together, the others one by one. */
SCENE_APART void four_channels(const scene_conv *conv, const group *four, int8_t *out) {
    const uint32_t kernel = conv->kernel_columns, stride = conv->stride_columns, pad = conv->pad_columns;
    for (uint32_t column = 0; column < conv->out_columns;) {
        const uint32_t from = column * stride < pad ? pad - column * stride : 0, end = conv->in_columns + pad - column * stride;
        const uint32_t more = from == 0 && end >= kernel ? (end - kernel) / stride : 0, left = conv->out_columns - column;
        const uint32_t count = more < left ? more + 1 : left;
        add_columns(conv, four, column, count, from, end < kernel ? end : kernel, out);
        column += count;
    }
}

/* Whether these channels are computed four at a time: kernels of 1, 3 and 5 rows, ordinary scales, columns under the kernel. */
static int is_ordinary(const scene_conv *conv, uint32_t channel) {
    const int8_t *shift = conv->shift + channel;
    const uint32_t rows = conv->kernel_rows, kernel = conv->kernel_columns;
    return (rows == 1 || rows == 3 || rows == 5) && conv->pad_columns < kernel &&
           (conv->out_columns - 1u) * conv->stride_columns < conv->in_columns + conv->pad_columns && scene_is_simple(shift[0]) &&
           scene_is_simple(shift[1]) && scene_is_simple(shift[2]) && scene_is_simple(shift[3]);
}

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels, count = conv->kernel_rows;
    const int8_t **const inside = patch;
    const int8_t *any = NULL;
    for (uint32_t r = 0; r < count; r++) {
        any = rows[r] == NULL ? any : rows[r];
    }
    group four;
    four.rows = inside;
    four.outside = (int32_t *)(void *)(inside + count);
    four.weights = (uint32_t *)four.outside + 4 * conv->kernel_columns;
    for (uint32_t channel = 0; channel < channels; channel += LANES) {
        if (channels >= 4) { /* the last ones overlap those before */
            channel = channels - channel < 4 ? channels - 4 : channel;
            if (is_ordinary(conv, channel)) {
                prepare(conv, rows, channel, &four);
                for (uint32_t r = 0; r < count; r++) {
                    inside[r] = (rows[r] == NULL ? any : rows[r]) + channel;
                }
                four_channels(conv, &four, out + channel);
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

#elif SCENE_MVE

/* The outputs of one column for eight channels: even and odd ones apart, as VMULLB and VMULLT give them. */
static void eight_channels(const scene_conv *conv, const int8_t *const rows[], const int8_t *outside, uint32_t column,
                           uint32_t channel, int8_t *out) {
    const uint32_t channels = conv->in_channels, end = conv->in_columns;
    const uint32_t first = column * conv->stride_columns - conv->pad_columns; /* wraps below 0 */
    const int8_t *weights = conv->weights + channel;
    int32x4x2_t sums = vld2q_s32(conv->bias + channel);
    for (uint32_t r = 0; r < conv->kernel_rows; r++) {
        const int8_t *in = rows[r] == NULL ? outside : rows[r] + (int32_t)(first * channels + channel);
        const uint32_t step = rows[r] == NULL ? 0 : channels;
        for (uint32_t k = 0; k < conv->kernel_columns; k++) {
            const int16x8_t x = vldrbq_s16(first + k < end ? in : outside), w = vldrbq_s16(weights);
            sums.val[0] = vaddq_s32(sums.val[0], vmullbq_int_s16(x, w));
            sums.val[1] = vaddq_s32(sums.val[1], vmulltq_int_s16(x, w));
            in += step;
            weights += channels;
        }
    }
    const int32x4x2_t multiplier = vld2q_s32(conv->multiplier + channel);
    const int16x8_t shift = vldrbq_s16(conv->shift + channel);
    const int32x4_t even = scene_requantize4(sums.val[0], multiplier.val[0], vmovlbq_s16(shift));
    const int32x4_t odd = scene_requantize4(sums.val[1], multiplier.val[1], vmovltq_s16(shift));
    int16x8_t value = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), even), odd);
    value = vmaxq_s16(vqaddq_n_s16(value, conv->out_zero), vdupq_n_s16(conv->out_min));
    vstrbq_s16(out, vminq_s16(value, vdupq_n_s16(127)));
}

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels;
    memset(patch, conv->in_zero, 8);
    for (uint32_t column = 0; column < conv->out_columns; column++, out += channels) {
        if (channels >= 8) {
            for (uint32_t channel = 0; channel < channels; channel += 8) { /* the last ones overlap those before */
                channel = channels - channel < 8 ? channels - 8 : channel;
                eight_channels(conv, rows, patch, column, channel, out + channel);
            }
        } else {
            for (uint32_t channel = 0; channel < channels; channel += LANES) {
                const uint32_t count = channels - channel < LANES ? channels - channel : LANES;
                outputs(conv, rows, patch, column, channel, count, out + channel);
            }
        }
    }
}

#else

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels, rest = channels % LANES;
    memset(patch, conv->in_zero, LANES);
    for (uint32_t column = 0; column < conv->out_columns; column++, out += channels) {
        for (uint32_t channel = 0; channel + LANES <= channels; channel += LANES) {
            outputs(conv, rows, patch, column, channel, LANES, out + channel);
        }
        if (rest) {
            outputs(conv, rows, patch, column, channels - rest, rest, out + channels - rest);
        }
    }
}

#endif
