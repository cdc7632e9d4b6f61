/* Steps on vectors of one value a channel: means, maximum, quotient, 1 / square root. They run once a clip. */
#include <string.h>

#include "scene_requantize.h"
#include "scene_steps.h"

#define ROOT_BITS 20 /* fractional bits of TensorFlow Lite's 1 / square root */

/* (a * b + 2^30) / 2^31, rounded down, of any signs. */
static int32_t scene_twice(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

static uint32_t scene_leading_zeros(uint32_t value) {
    uint32_t count = 32;
    while (value != 0) {
        value >>= 1;
        count--;
    }
    return count;
}

static int8_t scene_mean_output(const scene_mean *mean, int32_t sum) {
    sum = scene_requantize(sum - mean->offset, mean->factor.multiplier, mean->factor.shift);
    return scene_output(sum, mean->out_zero, -128);
}

void scene_step_mean(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_mean *mean = (const scene_mean *)numbers;
    (void)patch;
    for (uint32_t channel = 0; channel < mean->channels; channel++) {
        int32_t sum;
        memcpy(&sum, rows[0] + 4 * channel, sizeof sum);
        out[channel] = scene_mean_output(mean, sum);
    }
}

void scene_step_channel_mean(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_mean *mean = (const scene_mean *)numbers;
    int32_t sum = 0;
    (void)patch;
    for (uint32_t channel = 0; channel < mean->channels; channel++) {
        sum += rows[0][channel];
    }
    out[0] = scene_mean_output(mean, sum);
}

void scene_step_maximum(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pair *pair = (const scene_pair *)numbers;
    const int8_t *b = pair->constant != NULL ? pair->constant : rows[1];
    (void)patch;
    for (uint32_t channel = 0; channel < pair->channels; channel++, b += pair->step) {
        out[channel] = rows[0][channel] > *b ? rows[0][channel] : *b;
    }
}

/*
 * 1 / (1 + x) for x = a / 2^31 within [0, 1), as a number of 2^-31: gemmlowp's three steps of Newton's method from
 * 48 / 17 - 32 / 17 * d, where d = (1 + x) / 2; numbers with two whole bits have 29 fractional ones.
 */
static int32_t scene_reciprocal(int32_t a) {
    const int32_t d = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + scene_twice(d, -1010580540);
    for (int i = 0; i < 3; i++) {
        x += scene_shift_left(scene_twice(x, (1 << 29) - scene_twice(d, x)), 2);
    }
    return scene_shift_left(x, 1);
}

/*
 * a / b at the output's scale, without its zero point; b is not 0. Where the shift is beyond 31 bits, TensorFlow Lite's rounding gives
 * 1 or -1 on Arm's cores, even for 0 / b (elsewhere C does not define that shift), and so does this.
 */
static int32_t scene_quotient(int32_t a, int32_t b, const scene_factor *factor) {
    uint32_t leading, magnitude;
    int32_t headroom, value, shift;
    if (b < 0) {
        a = -a;
        b = -b;
    }
    leading = scene_leading_zeros((uint32_t)b);
    magnitude = (uint32_t)(a < 0 ? -a : a);
    headroom = (int32_t)(a < 0 ? scene_leading_zeros(2 * magnitude - 1) : scene_leading_zeros(magnitude) - 1);
    value = scene_reciprocal((int32_t)(((uint32_t)b << leading) - ((uint32_t)1 << 31)));
    value = scene_twice((int32_t)((uint32_t)a << headroom), value);
    shift = factor->shift - (31 - (int32_t)leading) - headroom;
    if (shift >= 0) {
        return scene_requantize(value, factor->multiplier, shift);
    }
    value = scene_twice(value, factor->multiplier);
    if (shift < -31) {
        return value < 0 ? -1 : 1;
    }
    return (int32_t)(((int64_t)value + ((int64_t)1 << (-shift - 1)) - (value < 0)) >> -shift);
}

void scene_step_div(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_pair *pair = (const scene_pair *)numbers;
    const int8_t *b = pair->constant != NULL ? pair->constant : rows[1];
    (void)patch;
    for (uint32_t channel = 0; channel < pair->channels; channel++, b += pair->step) {
        const int32_t value = scene_quotient(rows[0][channel] - pair->a_zero, *b - pair->b_zero, &pair->out);
        out[channel] = scene_output(value, pair->out_zero, pair->out_min);
    }
}

/*
 * 1 / square root of a whole number above 0, as a number of 2^-20: Newton's method in numbers with three whole bits, five steps
 * from 1, as TensorFlow Lite has it.
 */
static int32_t scene_root(int32_t value) {
    const int32_t half_three = (1 << 28) + (1 << 27);
    int32_t x = 1 << 28, input, half, shift;
    uint32_t pairs;
    if (value <= 1) {
        return scene_requantize(1, INT32_MAX, ROOT_BITS);
    }
    pairs = (scene_leading_zeros((uint32_t)value) - 1) / 2 - 1;
    shift = 11 - (int32_t)pairs;
    input = (int32_t)((uint32_t)value << (2 * pairs)) >> 1;
    half = (input + 1) >> 1;
    for (int i = 0; i < 5; i++) {
        const int32_t cube = scene_shift_left(scene_twice(scene_twice(x, x), x), 6);
        x = scene_shift_left(scene_twice(half_three, x) - scene_twice(half, cube), 3);
    }
    x = scene_twice(x, 1518500250); /* square root of 1 / 2 */
    if (shift < 0) {
        x = (int32_t)((uint32_t)x << -shift);
        shift = 0;
    }
    return scene_requantize(1, x, ROOT_BITS - shift);
}

void scene_step_rsqrt(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out) {
    const scene_unary *unary = (const scene_unary *)numbers;
    (void)patch;
    for (uint32_t channel = 0; channel < unary->channels; channel++) {
        const int32_t value = rows[0][channel] - unary->in_zero;
        int32_t root;
        if (value <= 0) {
            out[channel] = 127;
            continue;
        }
        root = scene_root(value);
        root = scene_requantize(root, unary->factor.multiplier, unary->factor.shift - ROOT_BITS);
        out[channel] = scene_output(root, unary->out_zero, -128);
    }
}
