/* Products of 32-bit integers, the same on every core. */
#ifndef SCENE_FIXED_H
#define SCENE_FIXED_H

#include <stdint.h>

/* Cores without a product of 64 bits build it from products of 16 by 16 bits. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) || defined(SCENE_SHORT_PRODUCTS)
#define SCENE_LONG_PRODUCTS 0
#else
#define SCENE_LONG_PRODUCTS 1
#endif

#if defined(__GNUC__)
#define SCENE_INLINE static inline __attribute__((always_inline))
#else
#define SCENE_INLINE static inline
#endif

/* a * b / 2^32, rounded down. */
SCENE_INLINE int32_t scene_high(int32_t a, int32_t b) {
#if SCENE_LONG_PRODUCTS
    return (int32_t)(((int64_t)a * b) >> 32);
#elif defined(__GNUC__) && defined(__thumb__) && !defined(__thumb2__)
    /* What the C below says, in five registers; compilers take more, and so many moves between them. */
    int32_t a0, b0, low;
    __asm__(".syntax unified\n\t"
            "uxth %[a0], %[a]\n\t"
            "uxth %[b0], %[b]\n\t"
            "asrs %[a], %[a], #16\n\t"
            "asrs %[b], %[b], #16\n\t"
            "mov %[low], %[a0]\n\t"
            "muls %[low], %[b0], %[low]\n\t"
            "muls %[b0], %[a], %[b0]\n\t"
            "lsrs %[low], %[low], #16\n\t"
            "adds %[b0], %[b0], %[low]\n\t"
            "muls %[a0], %[b], %[a0]\n\t"
            "muls %[a], %[b], %[a]\n\t"
            "uxth %[low], %[b0]\n\t"
            "adds %[a0], %[a0], %[low]\n\t"
            "asrs %[a0], %[a0], #16\n\t"
            "asrs %[b0], %[b0], #16\n\t"
            "adds %[a], %[a], %[a0]\n\t"
            "adds %[a], %[a], %[b0]"
            : [a] "+l"(a), [b] "+l"(b), [a0] "=&l"(a0), [b0] "=&l"(b0), [low] "=&l"(low)
            :
            : "cc");
    return a;
#else
    const int32_t a1 = a >> 16, b1 = b >> 16, a0 = (uint16_t)a, b0 = (uint16_t)b;
    const uint32_t low = ((uint32_t)a0 * (uint32_t)b0) >> 16;
    const int32_t middle = a1 * b0 + (int32_t)low; /* from -2^31 + 2^15 to 2^31 - 2^15 */
    const int32_t other = a0 * b1 + (uint16_t)middle;
    return a1 * b1 + (middle >> 16) + (other >> 16);
#endif
}

/* (sample * 2^(16 - right)) * taper / 2^32, rounded down; sample from -2^15 to 2^15, taper not negative, right from 0 to 16. */
SCENE_INLINE int32_t scene_tapered(int32_t sample, int32_t taper, int right) {
#if SCENE_LONG_PRODUCTS
    return scene_high(sample * (1 << (16 - right)), taper);
#else
    return (sample * (taper >> 16) + ((sample * (uint16_t)taper) >> 16)) >> right;
#endif
}

/* Zeros above the highest one; value is not 0. */
static inline int scene_leading_zeros(uint64_t value) {
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

/* a^2, of an a that is above -2^31. */
SCENE_INLINE uint64_t scene_square(int32_t a) {
#if SCENE_LONG_PRODUCTS
    return (uint64_t)((int64_t)a * a);
#else
    const uint32_t size = a < 0 ? (uint32_t)-a : (uint32_t)a, a1 = size >> 16, a0 = (uint16_t)size;
    return ((uint64_t)(a1 * a1) << 32) + ((uint64_t)(a1 * a0) << 17) + a0 * a0;
#endif
}

#endif
