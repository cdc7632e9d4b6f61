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

void scene_pointwise_row(const scene_conv *conv, const int8_t *in, int8_t *out) {
    const uint32_t depth = conv->in_channels;
    scene_matrix(conv, in, depth, conv->stride_columns * depth, conv->out_columns, out);
}
