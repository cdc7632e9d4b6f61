#include <string.h>

#include "scene_kernels.h"
#include "scene_requantize.h"

/* Channels at a time: as many sums as fit a small core's registers, or a host's vectors. */
#if SCENE_SMALL
#define LANES 4
#define OUTPUTS SCENE_APART
#else
#define LANES 16
#define OUTPUTS SCENE_INLINE
#endif

/* The outputs of one column for `count` channels (at most LANES). `outside` stands for inputs beyond the map. */
OUTPUTS void outputs(const scene_conv *conv, const int8_t *const rows[], const int8_t *outside, uint32_t column,
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

/* Four channels of a row, with what they need for all of its columns.
 *
 * rows     The input rows; any other row stands for one outside the map.
 * weights  As int16, for each column of the kernel: pairs of rows for each channel, then the last row alone.
 * end      Of the weights.
 * outside  For each column of the kernel: what it adds for each channel where it is outside the map.
 */
typedef struct {
    int32_t bias[4];
    scene_scale scales[4];
    const int8_t *const *rows;
    uint32_t *weights;
    const uint32_t *end;
    int32_t *outside;
} group;

/* Adds the products of two rows, whose places are at an offset: a pair of weights for each channel. */
#define TWO_ROWS(offset)                                                                                               \
    "ldrd %[x], %[y], [%[rows], #" offset "]\n ldr %[x], [%[x], %[at]]\n ldr %[y], [%[y], %[at]]\n"                    \
    "ldrd %[v], %[w], [%[weights]], #8\n pkhbt %[z], %[x], %[y], lsl #16\n pkhtb %[y], %[y], %[x], asr #16\n"          \
    "sxtb16 %[x], %[z]\n smlad %[a], %[x], %[v], %[a]\n sxtb16 %[x], %[z], ror #8\n smlad %[b], %[x], %[w], %[b]\n"    \
    "ldrd %[v], %[w], [%[weights]], #8\n"                                                                              \
    "sxtb16 %[x], %[y]\n smlad %[c], %[x], %[v], %[c]\n sxtb16 %[y], %[y], ror #8\n smlad %[d], %[y], %[w], %[d]\n"

/* Adds the products of one row: weights of channels 0 and 2, then of 1 and 3. */
#define ONE_ROW(offset)                                                                                                \
    "ldr %[x], [%[rows], #" offset "]\n ldr %[x], [%[x], %[at]]\n ldrd %[v], %[w], [%[weights]], #8\n"                 \
    "sxtb16 %[y], %[x]\n sxtb16 %[x], %[x], ror #8\n"                                                                  \
    "smlabb %[a], %[y], %[v], %[a]\n smlatt %[c], %[y], %[v], %[c]\n"                                                  \
    "smlabb %[b], %[x], %[w], %[b]\n smlatt %[d], %[x], %[w], %[d]\n"

#define THREE_ROWS TWO_ROWS("0") ONE_ROW("8")
#define FIVE_ROWS TWO_ROWS("0") TWO_ROWS("8") ONE_ROW("16")
#define NEXT "add %[at], %[step]\n"
#define UNTIL_END "ldr %[x], %[end]\n cmp %[weights], %[x]\n bne 1b\n"

#define ADD(instructions)                                                                                              \
    __asm__ volatile(instructions                                                                                      \
                     : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [weights] "+r"(weights), [at] "+r"(at),     \
                       [x] "=&r"(x), [y] "=&r"(y), [z] "=&r"(z), [v] "=&r"(v), [w] "=&r"(w)                            \
                     : [rows] "r"(rows), [step] "r"(step), [end] "m"(end)                                              \
                     : "cc", "memory")

/* Of a column at a border: adds the part of the kernel that is outside the map, and tells the part that is inside. */
SCENE_APART void add_outside(const scene_conv *conv, const group *four, int32_t first, int32_t sums[4],
                             int32_t part[2]) {
    const int32_t kernel = conv->kernel_columns, end = conv->in_columns - first;
    part[0] = first < 0 ? -first : 0;
    part[1] = end < kernel ? end : kernel;
    for (int32_t k = 0; k < kernel; k++) {
        for (int32_t i = 0; i < 4 && (k < part[0] || k >= part[1]); i++) {
            sums[i] += four->outside[4 * k + i];
        }
    }
}

/* The outputs of all columns. */
SCENE_APART void add_columns(const scene_conv *conv, const group *four, uint32_t channel, int8_t *out) {
    const uint32_t count = conv->kernel_rows, kernel = conv->kernel_columns, step = conv->in_channels;
    const uint32_t next = conv->stride_columns * step, last = (conv->in_columns - kernel) * step;
    const int32_t first = -(int32_t)conv->pad_columns;
    const int8_t *const *rows = four->rows;
    const int8_t *const stop = out + conv->out_columns * step;
    uint32_t place = (uint32_t)first * step; /* wraps below 0 */
    for (; out != stop; out += step, place += next) {
        const uint32_t *weights = four->weights, *end = four->end;
        uint32_t at = place + channel, x, y, z, v, w;
        int32_t a = four->bias[0], b = four->bias[1], c = four->bias[2], d = four->bias[3];
        if (place <= last && count == 3 && kernel == 3) {
            ADD(THREE_ROWS NEXT THREE_ROWS NEXT THREE_ROWS);
        } else {
            if (place > last) {
                int32_t sums[4] = {a, b, c, d}, part[2];
                add_outside(conv, four, (int32_t)place / (int32_t)step, sums, part);
                end = weights + 2 * count * (uint32_t)part[1];
                weights += 2 * count * (uint32_t)part[0];
                at += (uint32_t)part[0] * step;
                a = sums[0];
                b = sums[1];
                c = sums[2];
                d = sums[3];
            }
            if (count == 3) {
                ADD("1:\n" THREE_ROWS NEXT UNTIL_END);
            } else if (count == 5) {
                ADD("1:\n" FIVE_ROWS NEXT UNTIL_END);
            } else {
                ADD("1:\n" ONE_ROW("0") NEXT UNTIL_END);
            }
        }
        out[0] = scene_scaled(a, four->scales[0]);
        out[1] = scene_scaled(b, four->scales[1]);
        out[2] = scene_scaled(c, four->scales[2]);
        out[3] = scene_scaled(d, four->scales[3]);
    }
}

/* Spreads the weights of `count` rows; `whole`: none of them is outside the map. A row outside adds the same to all
 * columns: it goes into the bias, and its weights are 0. */
SCENE_INLINE void spread(const scene_conv *conv, const int8_t *const rows[], uint32_t channel, uint32_t count,
                         int whole, const group *four) {
    const uint32_t channels = conv->in_channels, width = conv->kernel_columns * channels;
    const int32_t zero = conv->in_zero;
    const uint32_t zeros = (uint32_t)zero << 16 | ((uint32_t)zero & 0xFFFFu);
    const int8_t *column = conv->weights + channel;
    int32_t *outside = four->outside;
    for (uint32_t *pairs = four->weights; pairs != four->end; column += channels, outside += 4) {
        const int8_t *at = column;
        int32_t a = 0, b = 0, c = 0, d = 0;
        for (uint32_t r = 0; r + 1 < count; r += 2, pairs += 4, at += 2 * width) {
            const uint32_t x = whole || rows[r] != NULL ? scene_load4(at) : 0;
            const uint32_t y = whole || rows[r + 1] != NULL ? scene_load4(at + width) : 0;
            const uint32_t low = scene_low_halves(x, y), high = scene_high_halves(x, y);
            a = scene_pairs(pairs[0] = scene_even(low), zeros, a);
            b = scene_pairs(pairs[1] = scene_odd(low), zeros, b);
            c = scene_pairs(pairs[2] = scene_even(high), zeros, c);
            d = scene_pairs(pairs[3] = scene_odd(high), zeros, d);
        }
        const uint32_t x = whole || rows[count - 1] != NULL ? scene_load4(at) : 0;
        const uint32_t even = scene_even(x), odd = scene_odd(x);
        *pairs++ = even;
        *pairs++ = odd;
        outside[0] = a + zero * (int16_t)even;
        outside[1] = b + zero * (int16_t)odd;
        outside[2] = c + zero * (int16_t)(even >> 16);
        outside[3] = d + zero * (int16_t)(odd >> 16);
    }
}

/* Adds a row outside the map to the bias. */
SCENE_APART void add_row(const scene_conv *conv, uint32_t row, uint32_t channel, int32_t sums[4]) {
    const uint32_t channels = conv->in_channels;
    const int8_t *weights = conv->weights + row * conv->kernel_columns * channels + channel;
    for (uint32_t k = conv->kernel_columns; k > 0; k--, weights += channels) {
        for (uint32_t i = 0; i < 4; i++) {
            sums[i] += conv->in_zero * weights[i];
        }
    }
}

/* Makes what the columns share. */
SCENE_APART void prepare(const scene_conv *conv, const int8_t *const rows[], uint32_t channel, group *four) {
    const uint32_t count = conv->kernel_rows;
    int whole = 1;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t c = channel + i;
        four->bias[i] = conv->bias[c];
        four->scales[i] = scene_scale_of(conv->multiplier[c], conv->shift[c], conv->out_zero);
    }
    for (uint32_t r = 0; r < count; r++) {
        if (rows[r] == NULL) {
            add_row(conv, r, channel, four->bias);
            whole = 0;
        }
    }
    if (whole && count == 3) {
        spread(conv, rows, channel, 3, 1, four);
    } else {
        spread(conv, rows, channel, count, 0, four);
    }
}

/* Whether four channels have ordinary scales. */
static int are_simple(const int8_t *shift) {
    return scene_is_simple(shift[0]) && scene_is_simple(shift[1]) && scene_is_simple(shift[2]) &&
           scene_is_simple(shift[3]);
}

/* Four channels at a time need: 1, 3 or 5 rows, a map as wide as the kernel, a column of each kernel inside it. */
static int is_ordinary(const scene_conv *conv) {
    const uint32_t rows = conv->kernel_rows, pad = conv->pad_columns, columns = conv->out_columns;
    return conv->in_channels >= 4 && (rows == 1 || rows == 3 || rows == 5) && pad < conv->kernel_columns &&
           conv->in_columns >= conv->kernel_columns && (columns - 1) * conv->stride_columns < conv->in_columns + pad;
}

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels, count = conv->kernel_rows;
    const int ordinary = is_ordinary(conv);
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
    four.end = four.weights + 2 * count * conv->kernel_columns;
    for (uint32_t channel = 0; channel < channels; channel += LANES) {
        if (ordinary) {
            /* The last ones overlap those before. */
            channel = channels - channel < 4 ? channels - 4 : channel;
        }
        if (ordinary && are_simple(conv->shift + channel)) {
            prepare(conv, rows, channel, &four);
            add_columns(conv, &four, channel, out + channel);
        } else {
            int8_t outside[LANES];
            memset(outside, conv->in_zero, LANES);
            const uint32_t here = channels - channel < LANES ? channels - channel : LANES;
            for (uint32_t column = 0; column < conv->out_columns; column++) {
                outputs(conv, rows, outside, column, channel, here, out + column * channels + channel);
            }
        }
    }
    scene_raise(conv, conv->out_columns, out);
}

#elif SCENE_MVE

/* Sums of eight channels: of even and of odd ones, as VMULLB and VMULLT give them. */
typedef struct {
    int32x4_t even, odd;
} eight_sums;

SCENE_INLINE eight_sums add_product(eight_sums sums, const int8_t *in, const int8_t *weights) {
    const int16x8_t x = vldrbq_s16(in), w = vldrbq_s16(weights);
    sums.even = vaddq_s32(sums.even, vmullbq_int_s16(x, w));
    sums.odd = vaddq_s32(sums.odd, vmulltq_int_s16(x, w));
    return sums;
}

/* Adds the products of one row. */
SCENE_INLINE eight_sums add_row(const scene_conv *conv, const int8_t *row, const int8_t *outside, int32_t first,
                                uint32_t channel, const int8_t *weights, eight_sums sums) {
    const uint32_t channels = conv->in_channels, end = conv->in_columns, kernel = conv->kernel_columns;
    const uint32_t begin = (uint32_t)first; /* wraps below 0 */
    if (row != NULL && first >= 0 && begin + kernel <= end) {
        const int8_t *in = row + begin * channels + channel;
        for (uint32_t k = kernel; k > 0; k--, in += channels, weights += channels) {
            sums = add_product(sums, in, weights);
        }
    } else {
        for (uint32_t k = begin; k != begin + kernel; k++, weights += channels) {
            sums = add_product(sums, row != NULL && k < end ? row + k * channels + channel : outside, weights);
        }
    }
    return sums;
}

/* The outputs of all columns for eight channels. */
static void eight_channels(const scene_conv *conv, const int8_t *const rows[], const int8_t *outside, uint32_t channel,
                           int8_t *out) {
    const uint32_t channels = conv->in_channels, width = conv->kernel_columns * channels;
    const int32x4x2_t bias = vld2q_s32(conv->bias + channel), multiplier = vld2q_s32(conv->multiplier + channel);
    const int16x8_t shift = vldrbq_s16(conv->shift + channel);
    const int32x4_t even_shift = vmovlbq_s16(shift), odd_shift = vmovltq_s16(shift);
    int32_t first = -(int32_t)conv->pad_columns;
    for (uint32_t column = conv->out_columns; column > 0; column--, first += conv->stride_columns, out += channels) {
        const int8_t *weights = conv->weights + channel;
        eight_sums sums = {bias.val[0], bias.val[1]};
        for (uint32_t r = 0; r < conv->kernel_rows; r++, weights += width) {
            sums = add_row(conv, rows[r], outside, first, channel, weights, sums);
        }
        const int32x4_t even = scene_requantize4(sums.even, multiplier.val[0], even_shift);
        const int32x4_t odd = scene_requantize4(sums.odd, multiplier.val[1], odd_shift);
        int16x8_t value = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), even), odd);
        value = vmaxq_s16(vqaddq_n_s16(value, conv->out_zero), vdupq_n_s16(conv->out_min));
        vstrbq_s16(out, vminq_s16(value, vdupq_n_s16(127)));
    }
}

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels;
    memset(patch, conv->in_zero, 8);
    for (uint32_t channel = 0; channel < channels && channels >= 8; channel += 8) {
        /* The last ones overlap those before. */
        channel = channels - channel < 8 ? channels - 8 : channel;
        eight_channels(conv, rows, patch, channel, out + channel);
    }
    for (uint32_t channel = 0; channel < channels && channels < 8; channel += LANES) {
        const uint32_t count = channels - channel < LANES ? channels - channel : LANES;
        for (uint32_t column = 0; column < conv->out_columns; column++) {
            outputs(conv, rows, patch, column, channel, count, out + column * channels + channel);
        }
    }
}

#else

#if LANES == 4

/* The same for four channels, whose sums are in registers. */
SCENE_APART void all_outputs(const scene_conv *conv, const int8_t *const rows[], const int8_t *outside, uint32_t column,
                             uint32_t channel, int8_t *out) {
    const uint32_t channels = conv->in_channels, end = conv->in_columns, kernel = conv->kernel_columns;
    const uint32_t first = column * conv->stride_columns - conv->pad_columns; /* wraps below 0 */
    const int8_t *weights = conv->weights + channel;
    const int32_t *const bias = conv->bias + channel, *const multiplier = conv->multiplier + channel;
    int32_t a = bias[0], b = bias[1], c = bias[2], d = bias[3];
    for (uint32_t r = 0; r < conv->kernel_rows; r++) {
        const int8_t *const row = rows[r];
        uint32_t place = first * channels + channel;
        for (uint32_t k = first; k != first + kernel; k++) {
            const int8_t *in = row != NULL && k < end ? row + place : outside;
            a += in[0] * weights[0];
            b += in[1] * weights[1];
            c += in[2] * weights[2];
            d += in[3] * weights[3];
            place += channels;
            weights += channels;
        }
    }
    const int8_t *const shift = conv->shift + channel;
    const int32_t zero = conv->out_zero, least = conv->out_min;
    out[0] = scene_output(scene_requantize(a, multiplier[0], shift[0]), zero, least);
    out[1] = scene_output(scene_requantize(b, multiplier[1], shift[1]), zero, least);
    out[2] = scene_output(scene_requantize(c, multiplier[2], shift[2]), zero, least);
    out[3] = scene_output(scene_requantize(d, multiplier[3], shift[3]), zero, least);
}

#else

/* The same for a constant number of channels. */
static void all_outputs(const scene_conv *conv, const int8_t *const rows[], const int8_t *outside, uint32_t column,
                        uint32_t channel, int8_t *out) {
    outputs(conv, rows, outside, column, channel, LANES, out);
}

#endif

void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t channels = conv->in_channels, columns = conv->out_columns, rest = channels % LANES,
                   most = channels - rest;
    memset(patch, conv->in_zero, LANES);
    for (uint32_t channel = 0; channel < most; channel += LANES) {
        for (uint32_t column = 0; column < columns; column++) {
            all_outputs(conv, rows, patch, column, channel, out + column * channels + channel);
        }
    }
    for (uint32_t column = 0; column < columns && rest > 0; column++) {
        outputs(conv, rows, patch, column, most, rest, out + column * channels + most);
    }
}

#endif
