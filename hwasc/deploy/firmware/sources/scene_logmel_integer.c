#include "scene_fft_integer.h"
#include "scene_fixed.h"
#include "scene_front_end.h"
#include "scene_logmel.h"

typedef char scene_front_end_bytes[SCENE_FRONT_END_BYTES == 4 * SCENE_FFT ? 1 : -1]; /* else: files of two exports */

/* The logarithm to base 2, in units of 2^-24; value is not 0. Its error is below 1e-6. */
static int32_t logarithm(uint64_t value) {
    /* log2(1 + f) = f times a polynomial fitted to the least largest error; its unit is 2^29 */
    static const int32_t coefficients[6] = {-42711253, 104309650, -174966412, 254236756, -386861332, 774526391};
    const int zeros = scene_leading_zeros(value);
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
#if SCENE_MIRRORED
    const int32_t low = 2 * (int32_t)end - 1 - SCENE_WINDOW; /* the first sample that the clip's end mirrors, from -1 on */
    end = end > 2 * first ? end : 2 * first + 1;             /* after the last one that its begin mirrors */
    if (low < 0) {
        start = (start ? start : SCENE_SPAN) - 1;
        first = 0;
        end++;
    } else if (low < (int32_t)first) {
        first = (uint32_t)low;
    }
#endif
    end += SCENE_AHEAD;
    const uint32_t wrap = SCENE_SPAN - start; /* the sample that lies at ring[0] */
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

#if SCENE_SHARES

/* value * share / 2^32, rounded down. */
static uint64_t weighed(uint64_t value, uint32_t share) {
    return (value >> 32) * share + (((value & 0xFFFFFFFFu) * share) >> 32);
}

#else

/* The part of a segment's sum that the falling side of a band weighs. */
static uint64_t falling_side(uint64_t sum, uint64_t sum_of_sums, const scene_slope *slope) {
    const int zeros = sum_of_sums ? scene_leading_zeros(sum_of_sums) : 64;
    const int shift = zeros < 33 ? 33 - zeros : 0;
    const int64_t step = (int64_t)(int32_t)(sum_of_sums >> shift) * slope->step;
    const int64_t rest = (int64_t)(int32_t)(sum >> shift) * slope->rest;
    const int64_t falling = (step + rest) >> scene_features.slope_bits;
    return falling > 0 ? (uint64_t)falling << shift : 0;
}

#endif


#if SCENE_FLOOR
#define LEAST scene_features.least
#else
#define LEAST -128
#endif

static int8_t feature(uint64_t power, uint32_t band, int shift) {
#if SCENE_OFFSET
    const int left = scene_features.offset_shift + (2 - SCENE_MAGNITUDE) * shift;
    const uint32_t *const at = scene_offsets + SCENE_HEIGHT_OF(band);
    const uint64_t offset = left < 0 ? *at >> -left : (uint64_t)*at << left;
    const uint64_t sum = power + offset;
#else
    const uint64_t sum = power;
#endif
#if SCENE_FLOOR
    if (sum == 0) {
        return LEAST;
    }
#endif
    const int32_t log = logarithm(sum ? sum : 1) - shift * (1 << (25 - SCENE_MAGNITUDE));
    const int32_t value = (int32_t)(((int64_t)log * scene_features.factor) >> 31);
    const int32_t rounded = (value + scene_addends[SCENE_HEIGHT_OF(band)] + (1 << 15)) >> 16;
    return rounded < LEAST ? LEAST : (int8_t)(rounded > 127 ? 127 : rounded);
}

void scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out) {
    const int32_t *power = (const int32_t *)memory + 2 * scene_bins[0];
    int shift = free_bits(ring, start, first, end < SCENE_WINDOW ? end : SCENE_WINDOW);
    uint64_t rising_side = 0;
#if SCENE_SHARES
    const uint32_t *share = scene_shares;
#endif
#if SCENE_HEADROOM
    const int more = scene_more_bits(ring, start, first, end, shift);
    scene_powers(ring, start, first, end, SCENE_SHIFTS(shift, more), memory);
    shift += more;
#else
    scene_powers(ring, start, first, end, shift, memory);
#endif
    for (uint32_t i = 0; i <= SCENE_MELS; i++) {
        uint64_t sum = 0;
#if SCENE_SHARES
        uint64_t falling = 0;
#else
        uint64_t sum_of_sums = 0; /* weighs each bin with its distance to the upper edge */
#endif
        for (uint32_t bins = scene_bins[i + 1]; bins > 0; bins--, power += 2) {
#if SCENE_SHARES
            const uint64_t one = ((uint64_t)(uint32_t)power[1] << 32) | (uint32_t)power[0];
            sum += one;
            falling += weighed(one, *share++);
#else
            sum += ((uint64_t)(uint32_t)power[1] << 32) | (uint32_t)power[0];
            sum_of_sums += sum;
#endif
        }
#if !SCENE_SHARES
        const uint64_t falling = falling_side(sum, sum_of_sums, &scene_slopes[i]);
#endif
        if (i > 0) {
            out[i - 1] = feature(rising_side + falling, i - 1, shift);
        }
        rising_side = sum > falling ? sum - falling : 0;
    }
}
