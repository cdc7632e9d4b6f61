#include "scene_fft_integer.h"

#include <string.h>

#include "scene_fixed.h"
#include "scene_front_end.h"
#include "scene_samples.h"

/* The first pass: how far the inputs of a butterfly lie apart, and how many butterflies fetch their samples together.
 * Inputs beyond the window are zero. */
#define STEP (SCENE_POINTS / SCENE_FIRST_RADIX)
#define BLOCK 8
#define REACHES(input) (2 * STEP * (input) < SCENE_WINDOW)
#define FIRST_BITS (SCENE_FIRST_RADIX == 8 ? 3 : 2)
#define ROOT_HALF 1518500250 /* 2^31 sqrt(1/2) */
#define LEVEL_BITS 14        /* below a sample's, where samples are emphasised or less their mean */

typedef struct {
    int32_t re, im;
} number;

SCENE_INLINE number plus(number a, number b) {
    const number out = {a.re + b.re, a.im + b.im};
    return out;
}

SCENE_INLINE number minus(number a, number b) {
    const number out = {a.re - b.re, a.im - b.im};
    return out;
}

/* a - i b */
SCENE_INLINE number minus_i(number a, number b) {
    const number out = {a.re + b.im, a.im - b.re};
    return out;
}

/* a + i b */
SCENE_INLINE number plus_i(number a, number b) {
    const number out = {a.re - b.im, a.im + b.re};
    return out;
}

SCENE_INLINE number load(const int32_t *from) {
    const number out = {from[0], from[1]};
    return out;
}

/* A quarter of the product; the factor's unit is 2^30. Three products instead of four. */
SCENE_INLINE number times(number a, const int32_t *factor) {
    const int32_t cosine = factor[0], sine = factor[1];
    const int32_t both = scene_high(a.re + a.im, cosine);
    const number out = {both - scene_high(a.im, cosine + sine), both + scene_high(a.re, sine - cosine)};
    return out;
}

SCENE_INLINE void store(int32_t *to, number value) {
    to[0] = value.re;
    to[1] = value.im;
}

#if SCENE_HEADROOM

#define BEFORE(shift) ((shift) % 16) /* of SCENE_SHIFTS */
#define AFTER(shift) ((shift) / 16)

/* A sample of the window from the samples of the clip, shifted, less `level`; its unit is 2^-LEVEL_BITS. */
SCENE_INLINE int32_t value(const int16_t *in, int shift, int32_t level) {
    const int32_t here = in[SCENE_AHEAD] * (1 << (BEFORE(shift) + LEVEL_BITS)) - level;
#if SCENE_EMPHASIS
    return here - scene_high(in[SCENE_AHEAD - 1] * (1 << (BEFORE(shift) + LEVEL_BITS + 1)), scene_features.emphasis);
#else
    return here;
#endif
}

/* It tapered and shifted: a sample of 2^15 becomes 2^30, less what the sums of the first pass need. */
SCENE_INLINE int32_t tapered(int32_t sample, int32_t taper, int shift) {
    return scene_high(sample, taper) * (1 << AFTER(shift)) >> (LEVEL_BITS + FIRST_BITS + SCENE_HEADROOM - 16);
}

#else

/* A sample of the window, shifted. */
SCENE_INLINE int32_t value(const int16_t *in, int shift, int32_t level) {
    (void)level;
    return *in * (1 << shift);
}

/* It tapered: a sample of 2^15 becomes 2^30, less what the sums of the first pass need. */
SCENE_INLINE int32_t tapered(int32_t sample, int32_t taper, int shift) {
    (void)shift;
    return scene_tapered(sample, taper, FIRST_BITS);
}

#endif

/* What is subtracted from each sample: the mean of the frame, emphasised where frames are. */
SCENE_INLINE int32_t level_of(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int shift) {
#if SCENE_REMOVE_MEAN
    int64_t sum = (int64_t)scene_window_sum(ring, start, first, end, SCENE_AHEAD) * (1 << LEVEL_BITS);
#if SCENE_EMPHASIS == 1
    sum -= ((int64_t)scene_window_sum(ring, start, first, end, 0) * scene_features.emphasis) >> (31 - LEVEL_BITS);
#endif
    const int32_t mean = (int32_t)(sum * (1 << BEFORE(shift)) / SCENE_WINDOW);
#if SCENE_EMPHASIS == 2
    return mean - 2 * scene_high(mean, scene_features.emphasis);
#else
    return mean;
#endif
#else
    (void)ring, (void)start, (void)first, (void)end, (void)shift;
    return 0;
#endif
}

/* 2 * BLOCK samples of the window from `from` on, tapered, with zeros where there are none. */
static void fetch(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, uint32_t from, int shift,
                  int32_t level, int32_t *out) {
    const uint32_t stop = from + 2 * BLOCK;
    const uint32_t wrap = SCENE_SPAN - start; /* the sample that lies at ring[0] */
    if (from < first + SCENE_BEHIND || stop > end || (from < wrap + SCENE_BEHIND && stop + SCENE_AHEAD > wrap)) {
        for (uint32_t at = from; at < stop; at++) {
#if SCENE_AS_THEY_ARE
            const int32_t sample = at >= first && at < end ? ring[at < wrap ? start + at : at - wrap] : 0;
#else
            int32_t sample = 0;
            if (at < SCENE_WINDOW) {
                int16_t taps[2];
                scene_taps(ring, start, first, end, at, taps);
                sample = value(taps + 1 - SCENE_AHEAD, shift, level);
            }
#endif
            const uint32_t side = at <= SCENE_LAST_WEIGHT / 2 ? at : at < SCENE_WINDOW ? SCENE_LAST_WEIGHT - at : 0;
            *out++ = tapered(SCENE_AS_THEY_ARE ? sample * (1 << shift) : sample, scene_window[side], shift);
        }
        return;
    }
    const int16_t *in = ring + (from < wrap ? start + from : from - wrap);
    const int16_t *const middle = in + (from > SCENE_LAST_WEIGHT / 2    ? 0
                                        : stop <= SCENE_LAST_WEIGHT / 2 ? 2 * BLOCK
                                                                        : SCENE_LAST_WEIGHT / 2 + 1 - from);
    const int16_t *const last = in + 2 * BLOCK;
    const int32_t *taper = scene_window + from;
    for (; in < middle; in++) {
        *out++ = tapered(value(in, shift, level), *taper++, shift);
    }
    taper = scene_window + SCENE_LAST_WEIGHT - (stop - (uint32_t)(last - in));
    for (; in < last; in++) {
        *out++ = tapered(value(in, shift, level), *taper--, shift);
    }
}

#if SCENE_HEADROOM
int scene_more_bits(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int shift) {
    const uint32_t stop = end < SCENE_WINDOW ? end : SCENE_WINDOW;
    const int32_t level = level_of(ring, start, first, stop, shift);
    int32_t block[2 * BLOCK], bits = 0;
    int more = -SCENE_HEADROOM;
    for (uint32_t from = 0; from < SCENE_WINDOW; from += 2 * BLOCK) {
        fetch(ring, start, first, stop, from, shift, level, block);
        for (uint32_t i = 0; i < 2 * BLOCK; i++) {
            bits |= block[i] ^ (block[i] >> 31);
        }
    }
    /* a bit less than samples have before the taper, which halves their sums */
    for (; shift + more < scene_features.most_shift && bits < 1 << (28 - FIRST_BITS); more++) {
        bits = 2 * bits + 1;
    }
    return more;
}
#endif

/* The number whose last bits are those of `value` in reverse, below `size`. */
static uint32_t next_reversed(uint32_t value, uint32_t size) {
    uint32_t bit = size / 2;
    while (value & bit) {
        value ^= bit;
        bit /= 2;
    }
    return value | bit;
}

/* DFT of four numbers. */
SCENE_INLINE void four(number a0, number a1, number a2, number a3, number *out) {
    const number s02 = plus(a0, a2), d02 = minus(a0, a2), s13 = plus(a1, a3), d13 = minus(a1, a3);
    out[0] = plus(s02, s13);
    out[1] = minus_i(d02, d13);
    out[2] = minus(s02, s13);
    out[3] = plus_i(d02, d13);
}

/* One butterfly of the first pass; input m is at in + 2 * BLOCK * m. */
#if SCENE_FIRST_RADIX == 8
SCENE_INLINE void butterfly(const int32_t *in, int32_t *out) {
    const number zero = {0, 0};
    const int32_t *const odd = in + 2 * BLOCK;
    number e[4], o[4];
    four(load(in), load(in + 4 * BLOCK), REACHES(4) ? load(in + 8 * BLOCK) : zero,
         REACHES(6) ? load(in + 12 * BLOCK) : zero, e);
    four(load(odd), load(odd + 4 * BLOCK), REACHES(5) ? load(odd + 8 * BLOCK) : zero,
         REACHES(7) ? load(odd + 12 * BLOCK) : zero, o);
    /* e^(-i pi / 4) and e^(-3 i pi / 4) */
    const number t1 = {2 * scene_high(o[1].im + o[1].re, ROOT_HALF), 2 * scene_high(o[1].im - o[1].re, ROOT_HALF)};
    const number t3 = {2 * scene_high(o[3].im - o[3].re, ROOT_HALF), 2 * scene_high(-o[3].re - o[3].im, ROOT_HALF)};
    store(out, plus(e[0], o[0]));
    store(out + 2, plus(e[1], t1));
    store(out + 4, minus_i(e[2], o[2]));
    store(out + 6, plus(e[3], t3));
    store(out + 8, minus(e[0], o[0]));
    store(out + 10, minus(e[1], t1));
    store(out + 12, plus_i(e[2], o[2]));
    store(out + 14, minus(e[3], t3));
}
#else
SCENE_INLINE void butterfly(const int32_t *in, int32_t *out) {
    const number zero = {0, 0};
    number y[4];
    four(load(in), load(in + 2 * BLOCK), REACHES(2) ? load(in + 4 * BLOCK) : zero,
         REACHES(3) ? load(in + 6 * BLOCK) : zero, y);
    store(out, y[0]);
    store(out + 2, y[1]);
    store(out + 4, y[2]);
    store(out + 6, y[3]);
}
#endif

/* The first pass reads the samples and leaves the numbers where the next passes find them: in the order of reversed
 * bits. */
static void first_pass(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int shift, int32_t *data) {
    static const uint8_t reversed[BLOCK] = {0, 4, 2, 6, 1, 5, 3, 7};
    const int32_t level = level_of(ring, start, first, end, shift);
    int32_t block[SCENE_FIRST_RADIX][2 * BLOCK];
    for (uint32_t n = 0, place = 0; n < STEP; n += BLOCK, place = next_reversed(place, STEP / BLOCK)) {
        for (uint32_t m = 0; m < SCENE_FIRST_RADIX; m++) {
            if (REACHES(m)) {
                fetch(ring, start, first, end, 2 * (n + m * STEP), shift, level, block[m]);
            }
        }
        int32_t *const to = data + 2 * SCENE_FIRST_RADIX * place;
        for (uint32_t i = 0; i < BLOCK; i++) {
            butterfly(&block[0][2 * i], to + reversed[i] * (2 * SCENE_FIRST_RADIX * STEP / BLOCK));
        }
    }
}

/* Multiplies `size` numbers, each by every third factor. */
static void turn(int32_t *row, uint32_t size, const int32_t *twiddles) {
    for (const int32_t *const stop = row + 2 * size; row < stop; row += 2, twiddles += 6) {
        store(row, times(load(row), twiddles));
    }
}

/* Joins groups of four spectra of `size` numbers; the result is a quarter of the sum. */
static const int32_t *pass_of_four(int32_t *data, uint32_t size, const int32_t *twiddles) {
    const uint32_t row = 2 * size;
    for (int32_t *group = data; group < data + 2 * SCENE_POINTS; group += 4 * row) {
        const int32_t *w = twiddles;
        int32_t *p = group, *q = group + row, *r = group + 2 * row, *s = group + 3 * row;
        if (!SCENE_LONG_PRODUCTS) { /* such cores have few registers */
            turn(q, size, w);
            turn(r, size, w + 2);
            turn(s, size, w + 4);
        }
        for (const int32_t *const stop = q; p < stop; p += 2, q += 2, r += 2, s += 2, w += 6) {
            const number a0 = {p[0] >> 2, p[1] >> 2};
            const number a2 = SCENE_LONG_PRODUCTS ? times(load(q), w) : load(q);
            const number s02 = plus(a0, a2), d02 = minus(a0, a2);
            const number a1 = SCENE_LONG_PRODUCTS ? times(load(r), w + 2) : load(r);
            const number a3 = SCENE_LONG_PRODUCTS ? times(load(s), w + 4) : load(s);
            const number s13 = plus(a1, a3), d13 = minus(a1, a3);
            store(p, plus(s02, s13));
            store(q, minus_i(d02, d13));
            store(r, minus(s02, s13));
            store(s, plus_i(d02, d13));
        }
    }
    return twiddles + 6 * size;
}

#if SCENE_MAGNITUDE

/* The square root of a number below 2^63, in units of 2^-SCENE_ROOT_BITS. */
static uint64_t power_or_root(uint64_t square) {
    /* sqrt(1 + f) is a polynomial fitted to the least largest error; its unit is 2^29 */
    static const int32_t coefficients[6] = {536870990, 268426620, -66946970, 32426045, -17057341, 6962628};
    int32_t sum = -1431957;
    if (square == 0) {
        return 0;
    }
    const int zeros = scene_leading_zeros(square), exponent = 63 - zeros;
    const int32_t f = (int32_t)((square << zeros) >> 32 & 0x7FFFFFFF); /* unit 2^31 */
    for (int i = 5; i >= 0; i--) {
        sum = coefficients[i] + 2 * scene_high(sum, f);
    }
    if (exponent & 1) {
        sum = 4 * scene_high(sum, ROOT_HALF);
    }
    const int shift = exponent / 2 + SCENE_ROOT_BITS - 29;
    return shift < 0 ? (uint64_t)(sum >> -shift) : (uint64_t)sum << shift;
}

#else

/* A power without its last bits. */
SCENE_INLINE uint64_t power_or_root(uint64_t square) {
    return square >> SCENE_POWER_SHIFT;
}

#endif

SCENE_INLINE void store_power(int32_t *to, int32_t re, int32_t im) {
    const uint64_t power = power_or_root(scene_square(re) + scene_square(im));
    to[0] = (int32_t)(uint32_t)power;
    to[1] = (int32_t)(power >> 32);
}

/* Powers of the real FFT's bins from the complex FFT of its even and odd samples. */
static void split(int32_t *data) {
    for (uint32_t k = 1; k < SCENE_POINTS / 2; k++) {
        int32_t *const low = data + 2 * k, *const high = data + 2 * (SCENE_POINTS - k);
        const number a = load(low), b = load(high);
        const int32_t sine = scene_sines[k], cosine = scene_sines[SCENE_POINTS / 2 - k];
        const int32_t even_re = a.re + b.re, even_im = a.im - b.im, odd_re = a.im + b.im, odd_im = b.re - a.re;
        const int32_t re = 2 * (scene_high(cosine, odd_re) + scene_high(sine, odd_im));
        const int32_t im = 2 * (scene_high(cosine, odd_im) - scene_high(sine, odd_re));
        store_power(low, even_re + re, even_im + im);
        store_power(high, even_re - re, even_im - im);
    }
    store_power(data + SCENE_POINTS, 2 * data[SCENE_POINTS], 2 * data[SCENE_POINTS + 1]);
}

void scene_powers(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, int shift, void *data) {
    const int32_t *twiddles = scene_twiddles;
    first_pass(ring, start, first, end < SCENE_WINDOW ? end : SCENE_WINDOW, shift, (int32_t *)data);
    for (uint32_t size = SCENE_FIRST_RADIX; size < SCENE_POINTS; size *= 4) {
        twiddles = pass_of_four((int32_t *)data, size, twiddles);
    }
    split((int32_t *)data);
}
