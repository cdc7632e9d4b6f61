#include "scene_fft_float.h"

#include <string.h>

#include "scene_front_end.h"
#include "scene_samples.h"

/* The complex FFT of CMSIS-DSP in place of the passes here: where there is Helium, it uses Helium. */
#ifdef SCENE_CMSIS_DSP
#include "arm_const_structs.h"
#if SCENE_FFT == 256
#define CMSIS_FFT arm_cfft_sR_f32_len128
#elif SCENE_FFT == 512
#define CMSIS_FFT arm_cfft_sR_f32_len256
#elif SCENE_FFT == 1024
#define CMSIS_FFT arm_cfft_sR_f32_len512
#elif SCENE_FFT == 2048
#define CMSIS_FFT arm_cfft_sR_f32_len1024
#elif SCENE_FFT == 4096
#define CMSIS_FFT arm_cfft_sR_f32_len2048
#else
#define CMSIS_FFT arm_cfft_sR_f32_len4096
#endif
#endif

/* The first pass: how far the inputs of a butterfly lie apart, and how many butterflies fetch their samples together.
 * Inputs beyond the window are zero. */
#define EIGHTH (SCENE_POINTS / 8)
#define BLOCK 8
#define REACHES(input) (2 * EIGHTH * (input) < SCENE_WINDOW)
#define ROOT_HALF 0.70710678f

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

typedef struct {
    float re, im;
} number;

INLINE number load(const float *from) {
    const number out = {from[0], from[1]};
    return out;
}

/* A sample of the window from the samples of the clip, less `level`. */
INLINE float value(const int16_t *in, float level) {
#if SCENE_EMPHASIS
    return (float)in[SCENE_AHEAD] - scene_features.emphasis * (float)in[SCENE_AHEAD - 1] - level;
#elif SCENE_REMOVE_MEAN
    return (float)*in - level;
#else
    (void)level;
    return (float)*in;
#endif
}

/* What is subtracted from each sample: the mean of the frame, emphasised where frames are. */
INLINE float level_of(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end) {
#if SCENE_REMOVE_MEAN && SCENE_EMPHASIS == 1
    const float sum = (float)scene_window_sum(ring, start, first, end, 1);
    return (sum - scene_features.emphasis * (float)scene_window_sum(ring, start, first, end, 0)) / SCENE_WINDOW;
#elif SCENE_REMOVE_MEAN
    const float mean = (float)scene_window_sum(ring, start, first, end, 0) / SCENE_WINDOW;
#if SCENE_EMPHASIS
    return mean - scene_features.emphasis * mean;
#else
    return mean;
#endif
#else
    (void)ring, (void)start, (void)first, (void)end;
    return 0.0f;
#endif
}

/* Whether there is a sample `at` in the window; those beyond the clip are zero, or mirrored. */
#if SCENE_AS_THEY_ARE
#define IS_SAMPLE(at) ((at) >= first && (at) < end)
#else
#define IS_SAMPLE(at) ((at) < SCENE_WINDOW)
#endif

/* Sample `at` of the window, tapered. */
INLINE float sample(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, uint32_t at, float level) {
#if SCENE_AS_THEY_ARE
    const uint32_t place = start + at < SCENE_WINDOW ? start + at : start + at - SCENE_WINDOW;
    const int16_t *const in = ring + place;
    (void)first, (void)end;
#else
    int16_t taps[2];
    scene_taps(ring, start, first, end, at, taps);
    const int16_t *const in = taps + 1 - SCENE_AHEAD;
#endif
    return value(in, level) * scene_window[at <= SCENE_LAST_WEIGHT / 2 ? at : SCENE_LAST_WEIGHT - at];
}

/* 2 * BLOCK samples of the window from `from` on, tapered, with zeros where there are none. */
static void fetch(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, uint32_t from, float level,
                  float *out) {
    const uint32_t last = from + 2 * BLOCK - 1;
    const uint32_t wrap = SCENE_SPAN - start; /* the sample that lies at ring[0] */
    if (from < first + SCENE_BEHIND || last >= end || (from < wrap + SCENE_BEHIND && last + SCENE_AHEAD >= wrap) ||
        (from <= SCENE_LAST_WEIGHT / 2 && last > SCENE_LAST_WEIGHT / 2)) {
        for (uint32_t i = 0; i < 2 * BLOCK; i++) {
            out[i] = IS_SAMPLE(from + i) ? sample(ring, start, first, end, from + i, level) : 0.0f;
        }
        return;
    }
    const int16_t *in = ring + (from < wrap ? start + from : from - wrap);
    const int16_t *const stop = in + 2 * BLOCK;
    if (last <= SCENE_LAST_WEIGHT / 2) {
        for (const float *taper = scene_window + from; in < stop; in += 4, out += 4, taper += 4) {
            out[0] = value(in, level) * taper[0];
            out[1] = value(in + 1, level) * taper[1];
            out[2] = value(in + 2, level) * taper[2];
            out[3] = value(in + 3, level) * taper[3];
        }
    } else {
        for (const float *taper = scene_window + SCENE_LAST_WEIGHT - from; in < stop; in += 4, out += 4, taper -= 4) {
            out[0] = value(in, level) * taper[0];
            out[1] = value(in + 1, level) * taper[-1];
            out[2] = value(in + 2, level) * taper[-2];
            out[3] = value(in + 3, level) * taper[-3];
        }
    }
}

#ifdef SCENE_CMSIS_DSP

static void transform(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, float *data) {
    const float level = level_of(ring, start, first, end);
    for (uint32_t from = 0; from < SCENE_FFT; from += 2 * BLOCK) {
        fetch(ring, start, first, end, from, level, data + from);
    }
    arm_cfft_f32(&CMSIS_FFT, data, 0, 1);
}

#else

INLINE number plus(number a, number b) {
    const number out = {a.re + b.re, a.im + b.im};
    return out;
}

INLINE number minus(number a, number b) {
    const number out = {a.re - b.re, a.im - b.im};
    return out;
}

/* a - i b */
INLINE number minus_i(number a, number b) {
    const number out = {a.re + b.im, a.im - b.re};
    return out;
}

/* a + i b */
INLINE number plus_i(number a, number b) {
    const number out = {a.re - b.im, a.im + b.re};
    return out;
}

INLINE number load_times(const float *from, const float *factor) {
    const number out = {from[0] * factor[0] - from[1] * factor[1], from[0] * factor[1] + from[1] * factor[0]};
    return out;
}

INLINE void store(float *to, number value) {
    to[0] = value.re;
    to[1] = value.im;
}

/* The rest of a DFT of a0 to a7 from sums and differences, s04 = a0 + a4, d04 = a0 - a4; to every `step`th number of
 * `out`. */
INLINE void odd_half(number s15, number d15, number s37, number d37, const number *even, float *out, uint32_t step) {
    const number o0 = plus(s15, s37), o2 = minus(s15, s37), o1 = minus_i(d15, d37), o3 = plus_i(d15, d37);
    const number t1 = {ROOT_HALF * (o1.re + o1.im), ROOT_HALF * (o1.im - o1.re)};
    const number t3 = {ROOT_HALF * (o3.im - o3.re), ROOT_HALF * (o3.re + o3.im)};
    store(out, plus(even[0], o0));
    store(out + 8 * step, minus(even[0], o0));
    store(out + 2 * step, plus(even[1], t1));
    store(out + 10 * step, minus(even[1], t1));
    store(out + 4 * step, minus_i(even[2], o2));
    store(out + 12 * step, plus_i(even[2], o2));
    out[6 * step] = even[3].re + t3.re;
    out[6 * step + 1] = even[3].im - t3.im;
    out[14 * step] = even[3].re - t3.re;
    out[14 * step + 1] = even[3].im + t3.im;
}

INLINE void even_half(number s04, number d04, number s26, number d26, number *even) {
    even[0] = plus(s04, s26);
    even[2] = minus(s04, s26);
    even[1] = minus_i(d04, d26);
    even[3] = plus_i(d04, d26);
}

/* The number whose last bits are those of `value` in reverse, below `size`. */
static uint32_t next_reversed(uint32_t value, uint32_t size) {
    uint32_t bit = size / 2;
    while (value & bit) {
        value ^= bit;
        bit /= 2;
    }
    return value | bit;
}

/* The first pass reads the samples and leaves the numbers where the next passes find them: in the order of reversed
 * bits. */
static void first_pass(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, float *data) {
    static const uint8_t reversed[BLOCK] = {0, 4, 2, 6, 1, 5, 3, 7};
    const float level = level_of(ring, start, first, end);
    float block[8][2 * BLOCK];
    for (uint32_t n = 0, place = 0; n < EIGHTH; n += BLOCK, place = next_reversed(place, EIGHTH / BLOCK)) {
        for (uint32_t m = 0; m < 8; m++) {
            if (REACHES(m)) {
                fetch(ring, start, first, end, 2 * (n + m * EIGHTH), level, block[m]);
            }
        }
        float *const to = data + 16 * place;
        for (uint32_t i = 0; i < BLOCK; i++) {
            const float *const in = &block[0][2 * i];
            float *const out = to + reversed[i] * (16 * EIGHTH / BLOCK);
            number even[4];
            const number a0 = load(in), a4 = load(in + 4 * 2 * BLOCK);
            const number a2 = load(in + 2 * 2 * BLOCK), a6 = load(in + 6 * 2 * BLOCK);
            even_half(REACHES(4) ? plus(a0, a4) : a0, REACHES(4) ? minus(a0, a4) : a0, REACHES(6) ? plus(a2, a6) : a2,
                      REACHES(6) ? minus(a2, a6) : a2, even);
            const number a1 = load(in + 2 * BLOCK), a5 = load(in + 5 * 2 * BLOCK);
            const number a3 = load(in + 3 * 2 * BLOCK), a7 = load(in + 7 * 2 * BLOCK);
            odd_half(REACHES(5) ? plus(a1, a5) : a1, REACHES(5) ? minus(a1, a5) : a1, REACHES(7) ? plus(a3, a7) : a3,
                     REACHES(7) ? minus(a3, a7) : a3, even, out, 1);
        }
    }
}

/* Joins groups of eight spectra of `size` numbers. */
static const float *pass_of_eight(float *data, uint32_t size, const float *twiddles) {
    const uint32_t row = 2 * size;
    for (float *group = data; group < data + 2 * SCENE_POINTS; group += 8 * row) {
        const float *w = twiddles;
        for (float *at = group; at < group + row; at += 2, w += 14) {
            number even[4];
            const number a0 = load(at), a4 = load_times(at + row, w);
            const number a2 = load_times(at + 2 * row, w + 2), a6 = load_times(at + 3 * row, w + 4);
            even_half(plus(a0, a4), minus(a0, a4), plus(a2, a6), minus(a2, a6), even);
            const number a1 = load_times(at + 4 * row, w + 6), a5 = load_times(at + 5 * row, w + 8);
            const number a3 = load_times(at + 6 * row, w + 10), a7 = load_times(at + 7 * row, w + 12);
            odd_half(plus(a1, a5), minus(a1, a5), plus(a3, a7), minus(a3, a7), even, at, size);
        }
    }
    return twiddles + 14 * size;
}

/* Joins groups of four spectra of `size` numbers. */
static const float *pass_of_four(float *data, uint32_t size, const float *twiddles) {
    const uint32_t row = 2 * size;
    for (float *group = data; group < data + 2 * SCENE_POINTS; group += 4 * row) {
        const float *w = twiddles;
        float *p = group, *q = group + row, *r = group + 2 * row, *s = group + 3 * row;
        for (const float *const stop = q; p < stop; p += 2, q += 2, r += 2, s += 2, w += 6) {
            const number a0 = load(p), a2 = load_times(q, w), a1 = load_times(r, w + 2), a3 = load_times(s, w + 4);
            const number s02 = plus(a0, a2), d02 = minus(a0, a2), s13 = plus(a1, a3), d13 = minus(a1, a3);
            store(p, plus(s02, s13));
            store(q, minus_i(d02, d13));
            store(r, minus(s02, s13));
            store(s, plus_i(d02, d13));
        }
    }
    return twiddles + 6 * size;
}

/* The complex FFT of the window: the even samples are real parts, the odd ones imaginary parts. */
static void transform(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, float *data) {
    const float *twiddles = scene_twiddles;
    uint32_t size = 8;
    first_pass(ring, start, first, end, data);
    for (; size * 8 <= SCENE_POINTS && SCENE_POINTS / size != 16; size *= 8) {
        twiddles = pass_of_eight(data, size, twiddles);
    }
    for (; size < SCENE_POINTS; size *= 4) {
        twiddles = pass_of_four(data, size, twiddles);
    }
}

#endif

/* A power, or its square root where bands are of magnitudes. */
INLINE float power_or_root(float power) {
#if SCENE_MAGNITUDE
    uint32_t bits;
    float inverse; /* of the root, by Newton's method, from a start within 4 % */
    memcpy(&bits, &power, sizeof bits);
    bits = 0x5F375A86u - (bits >> 1);
    memcpy(&inverse, &bits, sizeof inverse);
    for (int i = 0; i < 3; i++) {
        inverse *= 1.5f - 0.5f * power * inverse * inverse;
    }
    return power * inverse;
#else
    return power;
#endif
}

/* Powers of the real FFT's bins from the complex FFT of its even and odd samples. The window holds the factor 1/2. */
static void split(float *data) {
    for (uint32_t k = 1; k < SCENE_POINTS / 2; k++) {
        const number a = load(data + 2 * k), b = load(data + 2 * (SCENE_POINTS - k));
        const float sine = scene_sines[k], cosine = scene_sines[SCENE_POINTS / 2 - k];
        const float even_re = a.re + b.re, even_im = a.im - b.im, odd_re = a.im + b.im, odd_im = b.re - a.re;
        const float re = cosine * odd_re + sine * odd_im, im = cosine * odd_im - sine * odd_re;
        const float low_re = even_re + re, low_im = even_im + im, high_re = even_re - re, high_im = even_im - im;
        data[k] = power_or_root(low_re * low_re + low_im * low_im);
        data[2 * SCENE_POINTS - k] = power_or_root(high_re * high_re + high_im * high_im);
    }
    const number middle = load(data + SCENE_POINTS);
    data[SCENE_POINTS / 2] = power_or_root(4.0f * (middle.re * middle.re + middle.im * middle.im));
}

void scene_powers(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, float *data) {
    transform(ring, start, first, end < SCENE_WINDOW ? end : SCENE_WINDOW, data);
    split(data);
}
