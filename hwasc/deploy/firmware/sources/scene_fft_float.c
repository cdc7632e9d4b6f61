#include "scene_fft_float.h"

#include "scene_front_end.h"

#define EIGHTH (SCENE_POINTS / 8) /* numbers between the inputs of a butterfly of the first pass */
#define BLOCK 8                   /* butterflies of the first pass whose samples are fetched together */
#define ROOT_HALF 0.70710678f

typedef struct {
    float re, im;
} complex_number;

/* Samples `from` to `from + count` of the window, tapered. */
static void fetch(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, uint32_t from, float *out) {
    for (uint32_t i = 0; i < 2 * BLOCK; i++) {
        const uint32_t at = from + i;
        float value = 0.0f;
        if (at >= first && at < end && at < SCENE_WINDOW) {
            const uint32_t place = start + at < SCENE_WINDOW ? start + at : start + at - SCENE_WINDOW;
            value = (float)ring[place] * scene_window[at <= SCENE_WINDOW / 2 ? at : SCENE_WINDOW - at];
        }
        out[i] = value;
    }
}

static complex_number plus(complex_number a, complex_number b) {
    const complex_number out = {a.re + b.re, a.im + b.im};
    return out;
}

static complex_number minus(complex_number a, complex_number b) {
    const complex_number out = {a.re - b.re, a.im - b.im};
    return out;
}

/* a - i b */
static complex_number minus_i(complex_number a, complex_number b) {
    const complex_number out = {a.re + b.im, a.im - b.re};
    return out;
}

/* a + i b */
static complex_number plus_i(complex_number a, complex_number b) {
    const complex_number out = {a.re - b.im, a.im + b.re};
    return out;
}

static complex_number times(complex_number a, const float *factor) {
    const complex_number out = {a.re * factor[0] - a.im * factor[1], a.re * factor[1] + a.im * factor[0]};
    return out;
}

static complex_number load(const float *from) {
    const complex_number out = {from[0], from[1]};
    return out;
}

static void store(float *to, complex_number value) {
    to[0] = value.re;
    to[1] = value.im;
}

/* DFT of eight numbers, a[0], a[4], a[2], a[6], a[1], a[5], a[3], a[7] in this order, to every `step`th number of `out`. */
static void eight(const complex_number *a, float *out, uint32_t step) {
    const complex_number s04 = plus(a[0], a[1]), d04 = minus(a[0], a[1]), s26 = plus(a[2], a[3]), d26 = minus(a[2], a[3]);
    const complex_number s15 = plus(a[4], a[5]), d15 = minus(a[4], a[5]), s37 = plus(a[6], a[7]), d37 = minus(a[6], a[7]);
    const complex_number e0 = plus(s04, s26), e2 = minus(s04, s26), e1 = minus_i(d04, d26), e3 = plus_i(d04, d26);
    const complex_number o0 = plus(s15, s37), o2 = minus(s15, s37), o1 = minus_i(d15, d37), o3 = plus_i(d15, d37);
    const complex_number t1 = {ROOT_HALF * (o1.re + o1.im), ROOT_HALF * (o1.im - o1.re)};
    const complex_number t3 = {ROOT_HALF * (o3.im - o3.re), -ROOT_HALF * (o3.re + o3.im)};
    store(out, plus(e0, o0));
    store(out + 2 * step, plus(e1, t1));
    store(out + 4 * step, minus_i(e2, o2));
    store(out + 6 * step, plus(e3, t3));
    store(out + 8 * step, minus(e0, o0));
    store(out + 10 * step, minus(e1, t1));
    store(out + 12 * step, plus_i(e2, o2));
    store(out + 14 * step, minus(e3, t3));
}

/* The first pass reads the samples and leaves the numbers where the next passes find them: in the order of reversed bits. */
static void first_pass(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, float *data) {
    static const uint8_t order[8] = {0, 4, 2, 6, 1, 5, 3, 7};
    float block[8][2 * BLOCK];
    uint32_t reversed = 0;
    for (uint32_t n = 0; n < EIGHTH; n += BLOCK) {
        for (uint32_t m = 0; m < 8; m++) {
            fetch(ring, start, first, end, 2 * (n + order[m] * EIGHTH), block[m]);
        }
        for (uint32_t i = 0; i < BLOCK; i++) {
            complex_number a[8];
            for (uint32_t m = 0; m < 8; m++) {
                a[m] = load(&block[m][2 * i]);
            }
            eight(a, data + 16 * reversed, 1);
            uint32_t bit = EIGHTH / 2;
            while (reversed & bit) {
                reversed ^= bit;
                bit /= 2;
            }
            reversed |= bit;
        }
    }
}

/* Joins groups of eight spectra of `size` numbers. */
static const float *pass_of_eight(float *data, uint32_t size, const float *twiddles) {
    for (uint32_t group = 0; group < SCENE_POINTS; group += 8 * size) {
        const float *w = twiddles;
        for (uint32_t j = 0; j < size; j++, w += 14) {
            float *at = data + 2 * (group + j);
            complex_number a[8];
            a[0] = load(at);
            for (uint32_t m = 1; m < 8; m++) {
                a[m] = times(load(at + 2 * m * size), w + 2 * (m - 1));
            }
            eight(a, at, size);
        }
    }
    return twiddles + 14 * size;
}

/* Joins groups of four spectra of `size` numbers. */
static const float *pass_of_four(float *data, uint32_t size, const float *twiddles) {
    for (uint32_t group = 0; group < SCENE_POINTS; group += 4 * size) {
        const float *w = twiddles;
        for (uint32_t j = 0; j < size; j++, w += 6) {
            float *at = data + 2 * (group + j);
            const complex_number a0 = load(at), a2 = times(load(at + 2 * size), w);
            const complex_number a1 = times(load(at + 4 * size), w + 2), a3 = times(load(at + 6 * size), w + 4);
            const complex_number s02 = plus(a0, a2), d02 = minus(a0, a2), s13 = plus(a1, a3), d13 = minus(a1, a3);
            store(at, plus(s02, s13));
            store(at + 2 * size, minus_i(d02, d13));
            store(at + 4 * size, minus(s02, s13));
            store(at + 6 * size, plus_i(d02, d13));
        }
    }
    return twiddles + 6 * size;
}

/* Powers of the real FFT's bins from the complex FFT of its even and odd samples. The window holds the factor 1/2. */
static void split(float *data) {
    for (uint32_t k = 1; k < SCENE_POINTS / 2; k++) {
        const complex_number a = load(data + 2 * k), b = load(data + 2 * (SCENE_POINTS - k));
        const float sine = scene_sines[k], cosine = scene_sines[SCENE_POINTS / 2 - k];
        const float even_re = a.re + b.re, even_im = a.im - b.im, odd_re = a.im + b.im, odd_im = b.re - a.re;
        const float re = cosine * odd_re + sine * odd_im, im = cosine * odd_im - sine * odd_re;
        const float low_re = even_re + re, low_im = even_im + im, high_re = even_re - re, high_im = even_im - im;
        data[k] = low_re * low_re + low_im * low_im;
        data[2 * SCENE_POINTS - k] = high_re * high_re + high_im * high_im;
    }
    const complex_number middle = load(data + SCENE_POINTS);
    data[SCENE_POINTS / 2] = 4.0f * (middle.re * middle.re + middle.im * middle.im);
}

void scene_powers(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, float *data) {
    const float *twiddles = scene_twiddles;
    uint32_t size = 8;
    first_pass(ring, start, first, end, data);
    for (; size * 8 <= SCENE_POINTS && SCENE_POINTS / size != 16; size *= 8) {
        twiddles = pass_of_eight(data, size, twiddles);
    }
    for (; size < SCENE_POINTS; size *= 4) {
        twiddles = pass_of_four(data, size, twiddles);
    }
    split(data);
}
