#include "scene_kernels.h"
#include "scene_requantize.h"

/* One output of one column. */
static void one(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t channel, int8_t *out) {
    const int8_t *weights = conv->weights + channel * depth;
    int32_t sum = conv->bias[channel];
    for (uint32_t i = 0; i < depth; i++) {
        sum += in[i] * weights[i];
    }
    sum = scene_requantize(sum, conv->multiplier[channel], conv->shift[channel]);
    *out = scene_output(sum, conv->out_zero, conv->out_min);
}

#if SCENE_DSP

/* The sums of two columns and two channels. */
typedef struct {
    int32_t av, aw, bv, bw;
} scene_sums;

/* Adds the products of four inputs: each pair of weights meets two columns, each pair of inputs two channels. Bytes 0 and 2 of
 * four make one pair, 1 and 3 the other, in weights and inputs alike, so none has to be moved. Written out because a compiler that
 * orders these instructions keeps too much at once, and goes through the stack. */
#define FOUR_INPUTS                                                                                                    \
    "ldr %[b1], [%[in], %[depth]]\n ldr %[a1], [%[in]], #4\n ldr %[w1], [%[weights], %[depth]]\n"                      \
    "sxtb16 %[b0], %[b1]\n sxtb16 %[b1], %[b1], ror #8\n sxtb16 %[a0], %[a1]\n sxtb16 %[a1], %[a1], ror #8\n"         \
    "sxtb16 %[w0], %[w1]\n sxtb16 %[w1], %[w1], ror #8\n"                                                              \
    "smlad %[bw], %[b0], %[w0], %[bw]\n smlad %[aw], %[a0], %[w0], %[aw]\n"                                            \
    "smlad %[bw], %[b1], %[w1], %[bw]\n smlad %[aw], %[a1], %[w1], %[aw]\n"                                            \
    "ldr %[w1], [%[weights]], #4\n sxtb16 %[w0], %[w1]\n sxtb16 %[w1], %[w1], ror #8\n"                                \
    "smlad %[bv], %[b0], %[w0], %[bv]\n smlad %[av], %[a0], %[w0], %[av]\n"                                            \
    "smlad %[bv], %[b1], %[w1], %[bv]\n smlad %[av], %[a1], %[w1], %[av]\n"

static inline scene_sums add_one(scene_sums sums, const int8_t *in, const int8_t *weights, uint32_t depth) {
    sums.av += in[0] * weights[0];
    sums.aw += in[0] * weights[depth];
    sums.bv += in[depth] * weights[0];
    sums.bw += in[depth] * weights[depth];
    return sums;
}

/* The same for one column. */
static inline scene_sums add_four_once(scene_sums sums, const int8_t *in, const int8_t *weights, uint32_t depth) {
    const uint32_t a = scene_load4(in), v = scene_load4(weights), w = scene_load4(weights + depth);
    const uint32_t a0 = scene_even(a), a1 = scene_odd(a);
    sums.av = scene_pairs(a0, scene_even(v), sums.av);
    sums.av = scene_pairs(a1, scene_odd(v), sums.av);
    sums.aw = scene_pairs(a0, scene_even(w), sums.aw);
    sums.aw = scene_pairs(a1, scene_odd(w), sums.aw);
    return sums;
}

static inline scene_sums sums_of_two(scene_sums sums, const int8_t *in, const int8_t *weights, uint32_t depth) {
    const int8_t *const end = weights + (depth & ~7u);
    int32_t av = sums.av, aw = sums.aw, bv = sums.bv, bw = sums.bw;
    uint32_t a0, a1, b0, b1, w0, w1;
    if (depth & ~7u) {
        __asm__ volatile("1:\n" FOUR_INPUTS FOUR_INPUTS "ldr %[w0], %[end]\n cmp %[weights], %[w0]\n bne 1b\n"
                         : [av] "+r"(av), [aw] "+r"(aw), [bv] "+r"(bv), [bw] "+r"(bw), [in] "+r"(in),
                           [weights] "+r"(weights), [a0] "=&r"(a0), [a1] "=&r"(a1), [b0] "=&r"(b0), [b1] "=&r"(b1),
                           [w0] "=&r"(w0), [w1] "=&r"(w1)
                         : [depth] "r"(depth), [end] "m"(end)
                         : "cc", "memory");
    }
    if (depth & 4) {
        __asm__ volatile(FOUR_INPUTS
                         : [av] "+r"(av), [aw] "+r"(aw), [bv] "+r"(bv), [bw] "+r"(bw), [in] "+r"(in),
                           [weights] "+r"(weights), [a0] "=&r"(a0), [a1] "=&r"(a1), [b0] "=&r"(b0), [b1] "=&r"(b1),
                           [w0] "=&r"(w0), [w1] "=&r"(w1)
                         : [depth] "r"(depth)
                         : "memory");
    }
    sums = (scene_sums){av, aw, bv, bw};
    for (uint32_t i = depth & 3; i > 0; i--) {
        sums = add_one(sums, in++, weights++, depth);
    }
    return sums;
}

static inline scene_sums sums_of_one(scene_sums sums, const int8_t *in, const int8_t *weights, uint32_t depth) {
    for (uint32_t i = depth >> 2; i > 0; i--) {
        sums = add_four_once(sums, in, weights, depth);
        in += 4;
        weights += 4;
    }
    for (uint32_t i = depth & 3; i > 0; i--) {
        sums.av += in[0] * weights[0];
        sums.aw += *in++ * weights[depth];
        weights++;
    }
    return sums;
}

/* Two channels of all columns, two columns at a time. */
static void two_channels(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t columns, uint32_t channel,
                         int8_t *out) {
    const uint32_t channels = conv->out_channels;
    const int32_t zero = conv->out_zero, v = conv->bias[channel], w = conv->bias[channel + 1];
    const scene_scale scale = scene_scale_of(conv->multiplier[channel], conv->shift[channel], zero);
    const scene_scale other = scene_scale_of(conv->multiplier[channel + 1], conv->shift[channel + 1], zero);
    const int8_t *const weights = conv->weights + channel * depth;
    const scene_sums start = {v, w, v, w};
    for (; columns >= 2; columns -= 2, in += 2 * depth, out += 2 * channels) {
        const scene_sums sums = sums_of_two(start, in, weights, depth);
        out[0] = scene_scaled(sums.av, scale);
        out[1] = scene_scaled(sums.aw, other);
        out[channels] = scene_scaled(sums.bv, scale);
        out[channels + 1] = scene_scaled(sums.bw, other);
    }
    if (columns) {
        const scene_sums sums = sums_of_one(start, in, weights, depth);
        out[0] = scene_scaled(sums.av, scale);
        out[1] = scene_scaled(sums.aw, other);
    }
}

void scene_matrix(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns, int8_t *out) {
    const uint32_t channels = conv->out_channels;
    for (uint32_t channel = 0; channel < channels; channel++) {
        if (step == depth && channel + 1 < channels && scene_is_simple(conv->shift[channel]) &&
            scene_is_simple(conv->shift[channel + 1])) {
            two_channels(conv, in, depth, columns, channel, out + channel);
            channel++;
        } else {
            for (uint32_t column = 0; column < columns; column++) {
                one(conv, in + column * step, depth, channel, out + column * channels + channel);
            }
        }
    }
    scene_raise(conv, columns, out);
}

#else

/* Two outputs of two columns. */
static void four(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t channel, int8_t *out) {
    const int8_t *a = in, *b = in + step;
    const int8_t *v = conv->weights + channel * depth, *w = v + depth;
    int32_t av = conv->bias[channel], aw = conv->bias[channel + 1], bv = av, bw = aw;
    for (uint32_t i = 0; i < depth; i++) {
        av += a[i] * v[i];
        aw += a[i] * w[i];
        bv += b[i] * v[i];
        bw += b[i] * w[i];
    }
    const int32_t *multiplier = conv->multiplier + channel;
    const int8_t *shift = conv->shift + channel;
    const int32_t zero = conv->out_zero, least = conv->out_min;
    out[0] = scene_output(scene_requantize(av, multiplier[0], shift[0]), zero, least);
    out[1] = scene_output(scene_requantize(aw, multiplier[1], shift[1]), zero, least);
    out[conv->out_channels] = scene_output(scene_requantize(bv, multiplier[0], shift[0]), zero, least);
    out[conv->out_channels + 1] = scene_output(scene_requantize(bw, multiplier[1], shift[1]), zero, least);
}

void scene_matrix(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns, int8_t *out) {
    const uint32_t channels = conv->out_channels;
    for (uint32_t channel = 0; channel < channels; channel += 2) {
        uint32_t column = 0;
        if (channel + 1 < channels) {
            for (; column + 1 < columns; column += 2) {
                four(conv, in + column * step, depth, step, channel, out + column * channels + channel);
            }
        }
        for (; column < columns; column++) {
            for (uint32_t c = channel; c < channel + 2 && c < channels; c++) {
                one(conv, in + column * step, depth, c, out + column * channels + c);
            }
        }
    }
}

#endif

void scene_pointwise_row(const scene_conv *conv, const int8_t *in, int8_t *out) {
    const uint32_t depth = conv->in_channels;
    scene_matrix(conv, in, depth, conv->stride_columns * depth, conv->out_columns, out);
}
