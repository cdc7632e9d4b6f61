/* What the net's tables are made of: segments of steps, the numbers of each kind of step, and the functions that run them. */
#ifndef SCENE_STEPS_H
#define SCENE_STEPS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor in the net's memory: row r begins at offset + (r % held) * bytes. */
typedef struct {
    uint32_t offset;
    uint16_t held;
    uint16_t bytes;
} scene_buffer;

/* A step's operand. For row r it reads the rows from r * stride - pad on, `kernel` of them, of a tensor of `rows` rows. */
typedef struct {
    uint16_t buffer; /* number of the buffer */
    uint16_t rows;
    uint8_t maker; /* the step of the same segment that makes it, from 1 on; 0: it was whole before */
    uint8_t kernel; /* 0: there is no such operand */
    uint8_t stride;
    uint8_t pad;
} scene_operand;

/*
 * The function of a step: makes one row of its output.
 *
 * numbers: of its kind, see below.
 * rows:    the rows that it reads, those of the first operand first; NULL where a row is outside of the map.
 * patch:   scratch memory of the segment.
 * out:     the row, or the sums that a mean adds to.
 */
typedef void (*scene_run)(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);

/* A step: one operator of the net. Its function is NULL where it copies a row of the features. */
#define SCENE_OPERANDS 2
typedef struct {
    scene_run run;
    const void *numbers;
    uint16_t rows;   /* how many rows it makes */
    uint16_t output; /* number of the buffer */
    uint16_t sums;   /* int32 sums that begin at 0, of a mean over the map */
    uint8_t name;    /* number of the operator in the deployment graph, for profiles; 255: none, or a larger one */
    uint8_t last_reader; /* steps of the segment up to the last one that reads the rows, at least this one */
    scene_operand operand[SCENE_OPERANDS];
} scene_step;

/* Steps that run together: `rows` row by row, then `cells` once each. */
typedef struct {
    const scene_step *rows;
    const scene_step *cells;
    uint32_t patch; /* offset of the scratch memory */
    uint8_t row_count;
    uint8_t cell_count;
} scene_segment;

/* A real factor: multiplier * 2^(shift - 31), see scene_requantize. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} scene_factor;

/* Operators on two operands: a map, and a map, a vector of one value a channel, or one value. */
typedef struct {
    const int8_t *constant; /* the second operand, or NULL where it is a tensor */
    uint16_t columns;
    uint16_t channels;
    uint8_t step; /* of the second operand from one channel to the next: 1, or 0 for one value */
    int8_t a_zero;
    int8_t b_zero;
    int8_t out_zero;
    int8_t out_min;
    scene_factor a; /* for sums: of the first operand, of the second, and of their sum; else only `out` */
    scene_factor b;
    scene_factor out;
} scene_pair;

/*
 * A sum of two operands, or of an operand and a constant, as one linear form: out = (x * a + y * b + offset) >> shift. The export
 * takes it where it has found that it is equal to `scene_pair`'s sum for all values of x and y.
 */
typedef struct {
    const int8_t *constant; /* as in scene_pair */
    int32_t a;
    int32_t b;
    int32_t offset;
    uint16_t columns;
    uint16_t channels;
    uint8_t step; /* as in scene_pair */
    uint8_t shift;
} scene_linear;

/*
 * A product of two operands whose factor has a shift of 1 to 22 to the right: high = (x * y << left) * multiplier / 2^31,
 * rounded; out = (high - (1 if x * y is negative) + rounding) >> right, where `rounding` contains the zero point.
 */
typedef struct {
    const int8_t *constant; /* as in scene_pair */
    int32_t multiplier;
    int32_t rounding;
    uint16_t columns;
    uint16_t channels;
    uint8_t step; /* as in scene_pair */
    uint8_t left;
    uint8_t right;
    int8_t a_zero;
    int8_t b_zero;
} scene_product;

/* A mean: out = factor * (sum - offset) + out_zero, where the division is part of the factor, and the zero point of the offset. */
typedef struct {
    uint16_t columns; /* of the map's row */
    uint16_t channels;
    int32_t offset;
    scene_factor factor;
    int8_t out_zero;
} scene_mean;

/*
 * An average over 3 x 3 cells, of those within the map, or with 0 for those outside of it. The latter is a depthwise convolution
 * with equal weights in TensorFlow Lite's files: out = (sum of (x - zero) * factor + offset) >> shift, for all sums.
 */
#define SCENE_POOL_ROWS 3
typedef struct {
    uint16_t in_columns;
    uint16_t out_columns;
    uint16_t channels;
    uint8_t kernel_rows;
    uint8_t kernel_columns;
    uint8_t stride_columns;
    uint8_t pad_columns;
    int8_t zero;
    uint8_t shift;
    int32_t factor;
    int32_t offset;
} scene_pool;

/* A function of one value. */
typedef struct {
    uint16_t channels;
    int8_t in_zero;
    int8_t out_zero;
    scene_factor factor;
} scene_unary;

/* Convolutions (numbers: scene_conv). */
void scene_step_pointwise(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_conv(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_depthwise(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);

/* Rows (numbers: scene_pair): map + map, map + vector, map * map, map * vector. Also for vectors, as one column. */
void scene_step_add(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_add_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_mul(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_mul_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);

/* The same with fewer instructions, for numbers that allow it (scene_linear, scene_product). */
void scene_step_linear(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_linear_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_product(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_product_vector(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);

/* The average over 3 x 3 cells (numbers: scene_pool), of those within the map, or with 0 for the others. */
void scene_step_average(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_average_padded(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);

/* A mean over the map (numbers: scene_mean): add a row to the int32 sums; at the end make the vector of them. */
void scene_step_sum(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_mean(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);

/* Vectors: mean over channels (scene_mean), maximum and quotient (scene_pair), 1 / square root (scene_unary). */
void scene_step_channel_mean(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_maximum(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_div(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);
void scene_step_rsqrt(const void *numbers, const int8_t *const rows[], void *patch, int8_t *out);

/* The net's tables (scene_net_tables.c). */
extern const scene_buffer scene_net_buffers[];
extern const scene_segment scene_net_segments[];

#ifdef __cplusplus
}
#endif

#endif
