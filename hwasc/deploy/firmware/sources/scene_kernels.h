/* Convolutions of one row of a map: int8 in, int8 out, int32 sums, the same numbers as TensorFlow Lite Micro's
 * reference kernels.
 *
 * A row is [columns][channels]. There are three variants of the same functions in the same files: portable C, Arm's DSP
 * extension (Cortex-M4, M7, M33; GCC) and Helium (Cortex-M55). The compiler's target chooses; -DSCENE_PORTABLE takes
 * portable C everywhere. They are meant for -O2, on a host -O2 or -O3.
 */
#ifndef SCENE_KERNELS_H
#define SCENE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A convolution. The tables are in flash.
 *
 * weights      Pointwise and conv [out_channels][kernel_rows][kernel_columns][in_channels],
 *              depthwise [kernel_rows][kernel_columns][channels].
 * bias         Of each output channel, with the input's zero point folded in: bias - in_zero * (sum of the channel's
 * weights). multiplier   Of each output channel, 2^30 .. 2^31 - 1. shift        Of each output channel, -31 .. 30; to
 * the left where it is positive (as in TensorFlow Lite). in_columns   Columns of an input row; out_columns likewise.
 * pad_columns  Columns outside the map before the first one under the kernel of the first output.
 * in_zero      The input's zero point: what lies outside the map.
 * out_min      The least output: out_zero where a ReLU is fused, else -128.
 *
 * Sums must stay within 2^30: the export checks it.
 */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint16_t in_columns, in_channels, out_columns, out_channels;
    uint8_t kernel_rows, kernel_columns, stride_columns, pad_columns;
    int8_t in_zero, out_zero, out_min;
} scene_conv;

/* A 1 x 1 convolution of one row, any stride over the columns. `in` and `out` do not overlap. */
void scene_pointwise_row(const scene_conv *conv, const int8_t *in, int8_t *out);

/* A convolution of one output row.
 *
 * rows   The input rows under the kernel, kernel_rows of them; NULL is a row outside the map (it counts as in_zero).
 * patch  Scratch memory, aligned to 4 bytes; hwasc.cost.kernel_scratch.patch_bytes says how much.
 * out    out_columns * out_channels bytes, apart from the input rows.
 */
void scene_conv_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out);

/* A depthwise convolution of one output row (in_channels and out_channels are equal); arguments as above. */
void scene_depthwise_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out);

/* What the pointwise kernel and the convolution share: sums over `depth` inputs for `columns` columns.
 *
 * in    The first column's inputs; the next column's are `step` bytes on.
 * out   columns * out_channels bytes.
 */
void scene_matrix(const scene_conv *conv, const int8_t *in, uint32_t depth, uint32_t step, uint32_t columns,
                  int8_t *out);

#ifdef __cplusplus
}
#endif

#endif
