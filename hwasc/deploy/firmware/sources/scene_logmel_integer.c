#include "scene_fft_integer.h"
#include "scene_fixed.h"
#include "scene_front_end.h"
#include "scene_logmel.h"

typedef char scene_front_end_bytes[SCENE_FRONT_END_BYTES == 4 * SCENE_FFT ? 1 : -1]; /* else: files of two exports */

/* Zeros above the highest one; value is not 0. */
static int leading_zeros(uint64_t value) {
#if defined(__GNUC__)
    const uint32_t high = (uint32_t)(value >> 32);
    return high ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)value);
#else
    int zeros = 0;
    for (; !(value >> 63); value <<= 1) {
        zeros++;
    }
    return zeros;
#endif
}

/* The logarithm to base 2, in units of 2^-24; value is not 0. Its error is below 1e-6. */
static int32_t logarithm(uint64_t value) {
    /* log2(1 + f) = f times a polynomial fitted to the least largest error; its unit is 2^29 */
    static const int32_t coefficients[6] = {-42711253, 104309650, -174966412, 254236756, -386861332, 774526391};
    const int zeros = leading_zeros(value);
    const int32_t f = (int32_t)((value << zeros) >> 32 & 0x7FFFFFFF); /* unit 2^31 */
    int32_t sum = 8337277;
    for (int i = 0; i < 6; i++) {
        sum = coefficients[i] + 2 * scene_high(sum, f);
    }
    return (63 - zeros) * (1 << 24) + (scene_high(sum, f) >> 4);
}

/* All bits of samples `from` to `to` of the ring; of negative ones those of their complement. */
static uint32_t bits_of(const int16_t *ring, uint32_t from, uint32_t to) {
    int32_t bits = 0;
    for (const int16_t *at = ring + from; at < ring + to; at++) {
        bits |= *at ^ (*at >> 15);
    }
    return (uint32_t)bits;
}

/* By how many bits the samples of the window can be shifted: the frame's largest one then has 15. */
static int free_bits(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end) {
    const uint32_t wrap = SCENE_WINDOW - start; /* the sample that lies at ring[0] */
    uint32_t bits = 0;
    int shift = 0;
    if (first < wrap) {
        bits = bits_of(ring, start + first, start + (end < wrap ? end : wrap));
    }
    if (end > wrap) {
        bits |= bits_of(ring, first > wrap ? first - wrap : 0, end - wrap);
    }
    while (shift < scene_features.most_shift && bits < 1u << (14 - shift)) {
        shift++;
    }
    return shift;
}

/* The part of a segment's sum that the falling side of a band weighs. */
static uint64_t falling_side(uint64_t sum, uint64_t sum_of_sums, const scene_slope *slope) {
    const int zeros = sum_of_sums ? leading_zeros(sum_of_sums) : 64;
    const int shift = zeros < 33 ? 33 - zeros : 0;
    const int64_t step = (int64_t)(int32_t)(sum_of_sums >> shift) * slope->step;
    const int64_t rest = (int64_t)(int32_t)(sum >> shift) * slope->rest;
    const int64_t falling = (step + rest) >> scene_features.slope_bits;
    return falling > 0 ? (uint64_t)falling << shift : 0;
}

static int8_t feature(uint64_t power, uint32_t band, int shift) {
    const int left = scene_features.offset_shift + 2 * shift;
    const uint64_t offset = left < 0 ? scene_offsets[band] >> -left : (uint64_t)scene_offsets[band] << left;
    const uint64_t sum = power + offset;
    const int32_t log = logarithm(sum ? sum : 1) - shift * (1 << 25);
    const int32_t value = (int32_t)(((int64_t)log * scene_features.factor) >> 31);
    const int32_t rounded = (value + scene_addends[band] + (1 << 15)) >> 16;
    return rounded < -128 ? -128 : (int8_t)(rounded > 127 ? 127 : rounded);
}

void scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out) {
    const int32_t *power = (const int32_t *)memory + 2 * scene_bins[0];
    const int shift = free_bits(ring, start, first, end < SCENE_WINDOW ? end : SCENE_WINDOW);
    uint64_t rising_side = 0;
    scene_powers(ring, start, first, end, shift, memory);
    for (uint32_t i = 0; i <= SCENE_MELS; i++) {
        uint64_t sum = 0, sum_of_sums = 0; /* the latter weighs each bin with its distance to the upper edge */
        for (uint32_t bins = scene_bins[i + 1]; bins > 0; bins--, power += 2) {
            sum += ((uint64_t)(uint32_t)power[1] << 32) | (uint32_t)power[0];
            sum_of_sums += sum;
        }
        const uint64_t falling = falling_side(sum, sum_of_sums, &scene_slopes[i]);
        if (i > 0) {
            out[i - 1] = feature(rising_side + falling, i - 1, shift);
        }
        rising_side = sum > falling ? sum - falling : 0;
    }
}
