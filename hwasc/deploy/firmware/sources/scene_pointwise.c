#include "scene_kernels.h"
#include "scene_requantize.h"

#if !SCENE_MVE

/* One output of one column. */
SCENE_APART void one(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t channel, int8_t *out) {
    const int8_t *weights = conv->weights + channel * depth;
    int32_t sum = conv->bias[channel];
    for (uint32_t i = 0; i < depth; i++) {
        sum += in[i] * weights[i];
    }
    sum = scene_requantize(sum, conv->multiplier[channel], conv->shift[channel]);
    *out = scene_output(sum, conv->out_zero, conv->out_min);
}

#endif

#if SCENE_MVE

typedef struct {
    int32_t a, b, c, d;
} scene_four;

/* Four sums of one column. */
static inline scene_four four_sums(const int8_t *in, const int8_t *const weights[4], uint32_t depth) {
    const int8_t *u = weights[0], *v = weights[1], *w = weights[2], *z = weights[3];
    scene_four sums = {0, 0, 0, 0};
    for (uint32_t i = depth >> 4; i > 0; i--) {
        const int8x16_t x = vld1q_s8(in);
        sums.a = vmladavaq_s8(sums.a, x, vld1q_s8(u));
        sums.b = vmladavaq_s8(sums.b, x, vld1q_s8(v));
        sums.c = vmladavaq_s8(sums.c, x, vld1q_s8(w));
        sums.d = vmladavaq_s8(sums.d, x, vld1q_s8(z));
        in += 16;
        u += 16;
        v += 16;
        w += 16;
        z += 16;
    }
    if (depth & 15) {
        const mve_pred16_t rest = vctp8q(depth & 15);
        const int8x16_t x = vldrbq_z_s8(in, rest);
        sums.a = vmladavaq_s8(sums.a, x, vldrbq_z_s8(u, rest));
        sums.b = vmladavaq_s8(sums.b, x, vldrbq_z_s8(v, rest));
        sums.c = vmladavaq_s8(sums.c, x, vldrbq_z_s8(w, rest));
        sums.d = vmladavaq_s8(sums.d, x, vldrbq_z_s8(z, rest));
    }
    return sums;
}

/* Up to four channels of all columns. */
static void four_channels(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns,
                          uint32_t channel, int8_t *out) {
    const uint32_t channels = conv->out_channels, count = channels - channel;
    const mve_pred16_t lanes = vctp32q(count);
    const int32x4_t bias = vldrwq_z_s32(conv->bias + channel, lanes);
    const int32x4_t multiplier = vldrwq_z_s32(conv->multiplier + channel, lanes);
    const int32x4_t shift = vldrbq_z_s32(conv->shift + channel, lanes);
    const int32x4_t least = vdupq_n_s32(conv->out_min), most = vdupq_n_s32(127);
    const int8_t *weights[4]; /* the last channel stands for those that are missing */
    for (uint32_t i = 0; i < 4; i++) {
        weights[i] = conv->weights + (channel + (i < count ? i : count - 1)) * depth;
    }
    for (; columns > 0; columns--, in += step, out += channels) {
        const scene_four sums = four_sums(in, weights, depth);
        int32x4_t value = {sums.a, sums.b, sums.c, sums.d};
        value = scene_requantize4(vaddq_s32(value, bias), multiplier, shift);
        value = vqaddq_n_s32(value, conv->out_zero);
        vstrbq_p_s32(out, vminq_s32(vmaxq_s32(value, least), most), lanes);
    }
}

void scene_matrix(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns,
                  int8_t *out) {
    for (uint32_t channel = 0; channel < conv->out_channels; channel += 4) {
        four_channels(conv, in, depth, step, columns, channel, out + channel);
    }
}

#elif SCENE_DSP

/* Adds the products of four inputs: each pair of weights meets two columns, each pair of inputs two channels. Bytes 0
 * and 2 of four make one pair, 1 and 3 the other, in weights and inputs alike, so none has to be moved. Written out
 * because a compiler that orders these instructions keeps too much at once, and goes through the stack. */
#define FOUR_INPUTS                                                                                                    \
    "ldr %[b1], [%[in], %[depth]]\n ldr %[a1], [%[in]], #4\n ldr %[w1], [%[weights], %[depth]]\n"                      \
    "sxtb16 %[b0], %[b1]\n sxtb16 %[b1], %[b1], ror #8\n sxtb16 %[a0], %[a1]\n sxtb16 %[a1], %[a1], ror #8\n"          \
    "sxtb16 %[w0], %[w1]\n sxtb16 %[w1], %[w1], ror #8\n"                                                              \
    "smlad %[bw], %[b0], %[w0], %[bw]\n smlad %[aw], %[a0], %[w0], %[aw]\n"                                            \
    "smlad %[bw], %[b1], %[w1], %[bw]\n smlad %[aw], %[a1], %[w1], %[aw]\n"                                            \
    "ldr %[w1], [%[weights]], #4\n sxtb16 %[w0], %[w1]\n sxtb16 %[w1], %[w1], ror #8\n"                                \
    "smlad %[bv], %[b0], %[w0], %[bv]\n smlad %[av], %[a0], %[w0], %[av]\n"                                            \
    "smlad %[bv], %[b1], %[w1], %[bv]\n smlad %[av], %[a1], %[w1], %[av]\n"

#define ONE_INPUT                                                                                                      \
    "ldrsb %[b1], [%[in], %[depth]]\n ldrsb %[a1], [%[in]], #1\n ldrsb %[w1], [%[weights], %[depth]]\n"                \
    "mla %[bw], %[b1], %[w1], %[bw]\n mla %[aw], %[a1], %[w1], %[aw]\n ldrsb %[w1], [%[weights]], #1\n"                \
    "mla %[bv], %[b1], %[w1], %[bv]\n mla %[av], %[a1], %[w1], %[av]\n"

/* The sums of one column and two channels. */
typedef struct {
    int32_t v, w;
} two_sums;

static inline two_sums add_inputs(two_sums sums, const int8_t *in, const int8_t *weights, uint32_t depth) {
    for (uint32_t i = depth >> 2; i > 0; i--, in += 4, weights += 4) {
        const uint32_t a = scene_load4(in), v = scene_load4(weights), w = scene_load4(weights + depth);
        const uint32_t even = scene_even(a), odd = scene_odd(a);
        sums.v = scene_pairs(odd, scene_odd(v), scene_pairs(even, scene_even(v), sums.v));
        sums.w = scene_pairs(odd, scene_odd(w), scene_pairs(even, scene_even(w), sums.w));
    }
    for (uint32_t i = depth & 3; i > 0; i--, in++, weights++) {
        sums.v += in[0] * weights[0];
        sums.w += in[0] * weights[depth];
    }
    return sums;
}

/* Both sums of a channel become outputs: of this column and of the next. */
#define TWO_OUTPUTS(a, b, factors, shift, place)                                                                       \
    "ldrd %[a0], %[a1], " factors "\n ldr %[b0], " shift "\n lsl " a ", " a ", #1\n lsl " b ", " b ", #1\n"            \
    "smmlar %[w0], " a ", %[a0], %[a1]\n smmlar %[w1], " b ", %[a0], %[a1]\n"                                          \
    "add %[w0], %[w0], " a ", asr #31\n add %[w1], %[w1], " b ", asr #31\n asr %[w0], %[b0]\n asr %[w1], %[b0]\n"      \
    "ssat %[w0], #8, %[w0]\n ssat %[w1], #8, %[w1]\n strb %[w0], [%[weights]" place                                    \
    "\n strb %[w1], [%[weights], %[b1]]\n"

/* Two columns of two channels after another: the sums begin with the bias, eight inputs at a time are added, then up to
 * seven, then the four outputs are stored. `weights` is the outputs' place in the end. */
/* clang-format off */
#define ALL_COLUMNS                                                                                                    \
    "0: ldrd %[av], %[aw], %[start]\n mov %[bv], %[av]\n mov %[bw], %[aw]\n ldr %[weights], %[first]\n"                \
    "1:\n" FOUR_INPUTS FOUR_INPUTS "ldr %[w0], %[end]\n cmp %[weights], %[w0]\n bne 1b\n"                              \
    "ldr %[w0], %[rest]\n cmp %[w0], #0\n beq 4f\n tst %[w0], #4\n beq 2f\n" FOUR_INPUTS                               \
    "2: ldr %[w0], %[rest]\n ands %[w0], #3\n beq 4f\n 3:" ONE_INPUT "subs %[w0], #1\n bne 3b\n"                       \
    "4: ldr %[weights], %[place]\n ldr %[b1], %[steps]\n add %[in], %[depth]\n"                                        \
    TWO_OUTPUTS("%[av]", "%[bv]", "%[v]", "%[v_shift]", "]")                                                           \
    TWO_OUTPUTS("%[aw]", "%[bw]", "%[w]", "%[w_shift]", ", #1]!")                                                      \
    "ldrd %[b0], %[b1], %[steps]\n add %[weights], %[b1]\n ldrd %[b0], %[b1], %[place]\n"                              \
    "str %[weights], %[place]\n cmp %[weights], %[b1]\n bne 0b\n"
/* clang-format on */

/* All columns of two channels. */
SCENE_APART void add_columns(const scene_conv *conv, uint32_t channel, const int8_t *in, uint32_t depth,
                             uint32_t columns, int8_t *out) {
    const int32_t zero = conv->out_zero;
    const uint32_t channels = conv->out_channels, pairs = columns & ~1u, rest = depth & 7;
    const int8_t *const first = conv->weights + channel * depth, *const end = first + (depth & ~7u);
    const two_sums start = {conv->bias[channel], conv->bias[channel + 1]};
    const scene_scale v = scene_scale_of(conv->multiplier[channel], conv->shift[channel], zero);
    const scene_scale w = scene_scale_of(conv->multiplier[channel + 1], conv->shift[channel + 1], zero);
    const struct {
        uint32_t channels, next;
    } steps = {channels, 2 * channels - 1};
    struct {
        int8_t *out, *stop;
    } place = {out, out + pairs * channels};
    int32_t av, aw, bv, bw;
    uint32_t a0, a1, b0, b1, w0, w1;
    const int8_t *weights;
    if (depth >= 8 && pairs > 0) {
        __asm__ volatile(
            ALL_COLUMNS
            : [av] "=&r"(av), [aw] "=&r"(aw), [bv] "=&r"(bv), [bw] "=&r"(bw), [in] "+r"(in), [weights] "=&r"(weights),
              [a0] "=&r"(a0), [a1] "=&r"(a1), [b0] "=&r"(b0), [b1] "=&r"(b1), [w0] "=&r"(w0), [w1] "=&r"(w1),
              [place] "+m"(place)
            : [depth] "r"(depth), [first] "m"(first), [end] "m"(end), [rest] "m"(rest), [start] "m"(start),
              [v] "m"(v.factors), [w] "m"(w.factors), [v_shift] "m"(v.shift), [w_shift] "m"(w.shift), [steps] "m"(steps)
            : "cc", "memory");
        columns -= pairs;
        out = place.stop;
    }
    for (; columns > 0; columns--, in += depth, out += channels) {
        const two_sums sums = add_inputs(start, in, first, depth);
        out[0] = scene_scaled(sums.v, v);
        out[1] = scene_scaled(sums.w, w);
    }
}

void scene_matrix(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns,
                  int8_t *out) {
    const uint32_t channels = conv->out_channels;
    for (uint32_t channel = 0; channel < channels; channel++) {
        if (step == depth && channel + 1 < channels && scene_is_simple(conv->shift[channel]) &&
            scene_is_simple(conv->shift[channel + 1])) {
            add_columns(conv, channel, in, depth, columns, out + channel);
            channel++;
        } else {
            for (uint32_t column = 0; column < columns; column++) {
                one(conv, in + column * step, depth, channel, out + column * channels + channel);
            }
        }
    }
    scene_raise(conv, columns, out);
}

#elif SCENE_THUMB_1

/* Adds to the sums of one channel in two columns: more sums do not fit the registers. */
SCENE_APART void two_sums(const int8_t *a, const int8_t *b, const int8_t *weights, uint32_t depth, int32_t sums[2]) {
    int32_t first = sums[0], second = sums[1];
    a += depth; /* so that one number counts and is the index */
    b += depth;
    weights += depth;
    for (int32_t i = -(int32_t)depth; i != 0; i++) {
        const int32_t w = weights[i];
        first += a[i] * w;
        second += b[i] * w;
    }
    sums[0] = first;
    sums[1] = second;
}

/* One channel of all columns. */
SCENE_APART void add_columns(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t channel,
                             uint32_t columns, int8_t *out) {
    const uint32_t channels = conv->out_channels;
    const int32_t multiplier = conv->multiplier[channel], shift = conv->shift[channel];
    const int32_t zero = conv->out_zero, least = conv->out_min, bias = conv->bias[channel];
    const int8_t *const weights = conv->weights + channel * depth;
    for (; columns >= 2; columns -= 2, in += 2 * step) {
        int32_t sums[2] = {bias, bias};
        two_sums(in, in + step, weights, depth, sums);
        for (uint32_t i = 0; i < 2; i++, out += channels) {
            *out = scene_output(scene_requantize(sums[i], multiplier, shift), zero, least);
        }
    }
    if (columns) {
        one(conv, in, depth, channel, out);
    }
}

void scene_matrix(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns,
                  int8_t *out) {
    for (uint32_t channel = 0; channel < conv->out_channels; channel++) {
        add_columns(conv, in, depth, step, channel, columns, out + channel);
    }
}

#else

#define TOGETHER 32u /* a constant number, so that GCC makes vectors at -O2, too */

/* Two channels of all columns, two columns at a time; a compiler with vectors takes several inputs at once. */
SCENE_APART void add_columns(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t channel,
                             uint32_t columns, int8_t *out) {
    const uint32_t channels = conv->out_channels;
    const int32_t first = conv->multiplier[channel], second = conv->multiplier[channel + 1];
    const int32_t first_shift = conv->shift[channel], second_shift = conv->shift[channel + 1];
    const int32_t zero = conv->out_zero, least = conv->out_min, bias = conv->bias[channel],
                  other = conv->bias[channel + 1];
    const int8_t *const v = conv->weights + channel * depth, *const w = v + depth;
    for (; columns >= 2; columns -= 2, in += 2 * step) {
        const int8_t *b = in + step;
        int32_t av = bias, aw = other, bv = bias, bw = other;
        uint32_t done = 0;
        for (; !SCENE_SMALL && done + TOGETHER <= depth; done += TOGETHER) {
            for (uint32_t i = done; i < done + TOGETHER; i++) {
                av += in[i] * v[i];
                aw += in[i] * w[i];
                bv += b[i] * v[i];
                bw += b[i] * w[i];
            }
        }
        for (uint32_t i = done; i < depth; i++) {
            av += in[i] * v[i];
            aw += in[i] * w[i];
            bv += b[i] * v[i];
            bw += b[i] * w[i];
        }
        out[0] = scene_output(scene_requantize(av, first, first_shift), zero, least);
        out[1] = scene_output(scene_requantize(aw, second, second_shift), zero, least);
        out += channels;
        out[0] = scene_output(scene_requantize(bv, first, first_shift), zero, least);
        out[1] = scene_output(scene_requantize(bw, second, second_shift), zero, least);
        out += channels;
    }
    if (columns) {
        one(conv, in, depth, channel, out);
        one(conv, in, depth, channel + 1, out + 1);
    }
}

void scene_matrix(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns,
                  int8_t *out) {
    const uint32_t channels = conv->out_channels, last = channels - 1;
    for (uint32_t channel = 0; channel < last; channel += 2) {
        add_columns(conv, in, depth, step, channel, columns, out + channel);
    }
    for (uint32_t column = 0; column < columns && channels % 2 == 1; column++) {
        one(conv, in + column * step, depth, last, out + column * channels + last);
    }
}

#endif

void scene_pointwise_row(const scene_conv *conv, const int8_t *in, int8_t *out) {
    const uint32_t depth = conv->in_channels;
    scene_matrix(conv, in, depth, conv->stride_columns * depth, conv->out_columns, out);
}
