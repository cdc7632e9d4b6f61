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
