#include <string.h>

#include "scene_fft_float.h"
#include "scene_front_end.h"
#include "scene_logmel.h"

typedef char scene_front_end_bytes[SCENE_FRONT_END_BYTES == 4 * SCENE_FFT ? 1 : -1]; /* else: files of two exports */

/* The natural logarithm of a normal positive number. Its error is below 1e-7 and a rounding. */
static float logarithm(float x) {
    uint32_t bits, exponent;
    float f;
    memcpy(&bits, &x, sizeof bits);
    /* x = 2^exponent (1 + f) with 1 + f from sqrt(1/2) to sqrt(2); 191 keeps the exponent above zero. */
    bits += (191u << 23) - 0x3F3504F3u;
    exponent = bits >> 23;
    bits = (bits & 0x007FFFFFu) + 0x3F3504F3u;
    memcpy(&f, &bits, sizeof f);
    f -= 1.0f;
    /* log(1 + f) = f - f^2 / 2 + f^3 times a polynomial fitted to the least largest error. */
    float series = -0.10223589f;
    series = series * f + 0.16141016f;
    series = series * f - 0.17167014f;
    series = series * f + 0.19910257f;
    series = series * f - 0.24980569f;
    series = series * f + 0.33334691f;
    const float whole = (float)((int32_t)exponent - (127 + 64));
    return whole * 0.69314718f + (f + f * f * (series * f - 0.5f));
}

#if SCENE_FLOOR
#define LEAST scene_features.least
#else
#define LEAST -128.0f
#endif

/* One feature from the power of its band: rounded, halves up, and limited to int8. */
static int8_t feature(float power) {
    const float value = logarithm(power + scene_features.offset) * scene_features.factor + scene_features.addend;
    if (value <= LEAST) {
        return (int8_t)LEAST;
    }
    return value >= 127.0f ? 127 : (int8_t)((int32_t)(value + 128.5f) - 128);
}

void scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out) {
    float *const data = (float *)memory;
    const float *power = data + scene_bins[0];
    uint32_t left = SCENE_FFT / 4 + 1 - scene_bins[0]; /* bins before those that lie further on */
    float rising_side = 0.0f;
#if SCENE_SHARES
    const float *share = scene_shares;
#endif
    scene_powers(ring, start, first, end, data);
    for (uint32_t i = 0; i <= SCENE_MELS; i++) {
        uint32_t bins = scene_bins[i + 1];
        float sum = 0.0f;
#if SCENE_SHARES
        float falling = 0.0f;
#else
        float sum_of_sums = 0.0f; /* weighs each bin with its distance to the upper edge */
#endif
        while (bins > 0) {
            const uint32_t run = bins < left ? bins : left;
            for (const float *const stop = power + run; power < stop; power++) {
                sum += *power;
#if SCENE_SHARES
                falling += *power * *share++;
#else
                sum_of_sums += sum;
#endif
            }
            bins -= run;
            left -= run;
            if (left == 0) {
                power += SCENE_FFT / 2;
                left = SCENE_FFT;
            }
        }
#if !SCENE_SHARES
        const float falling = sum_of_sums * scene_slopes[i].step + sum * scene_slopes[i].rest;
#endif
        if (i > 0) {
            out[i - 1] = feature(scene_heights[SCENE_HEIGHT_OF(i - 1)] * (rising_side + falling));
        }
        rising_side = sum - falling;
    }
}
