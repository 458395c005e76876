/* The inner tiles of products, for one type of number and one set of vector instructions; included
once for each of them with

    NUMBER   the type, float or double
    LANES    how many of it a vector holds
    MOST     the rows of the largest tile: its sums fill the registers
    WITH     the attribute that turns the instructions on
    N(name)  the name with the mark of this instance

A tile is a few rows and one or two vectors of columns of

    c[i][j] = sum over segments s and steps p of a[start(s) + i * row + p * step] * b[s * steps + p][j]

A product of matrices has one segment; a convolution one for each tap of its window, the gradient by
its filter one for each row of places. Nothing of `a` is copied for that: it is read where it lies. */

typedef NUMBER N(vector) __attribute__((vector_size(LANES * sizeof(NUMBER)), aligned(sizeof(NUMBER))));

typedef struct {
    const NUMBER *a;
    const Py_ssize_t *starts; /* of the segments, in elements */
    Py_ssize_t segments, steps, row, step;
} N(left);

static inline __attribute__((always_inline)) WITH void
N(sum_of)(const int rows, const int vectors, const int near, const N(left) *left, const NUMBER *b,
          Py_ssize_t next, NUMBER *c, Py_ssize_t width, int add)
{
    N(vector) sums[MOST][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sums[i][j] = (N(vector)){0};
    const Py_ssize_t row = near ? 1 : left->row;
    for (Py_ssize_t s = 0; s < left->segments; s++) {
        const NUMBER *a = left->a + left->starts[s];
        for (Py_ssize_t p = 0; p < left->steps; p++) {
            N(vector) columns[2];
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                columns[j] = *(const N(vector) *)(b + j * LANES);
#pragma GCC unroll 16
            for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
                for (int j = 0; j < vectors; j++)
                    sums[i][j] += a[i * row] * columns[j];
            __builtin_prefetch(b + AHEAD * next);
            __builtin_prefetch(b + AHEAD * next + LANES);
            a += left->step;
            b += next;
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) {
            N(vector) *to = (N(vector) *)(c + i * width + j * LANES);
            *to = add ? *to + sums[i][j] : sums[i][j];
        }
}

#define TILE(rows)                                                                                        \
    static WITH void N(tile##rows)(const N(left) *left, int vectors, const NUMBER *b, Py_ssize_t next,    \
                                   NUMBER *c, Py_ssize_t width, int add)                                  \
    {                                                                                                     \
        if (vectors == 2 && left->row == 1)                                                               \
            N(sum_of)(rows, 2, 1, left, b, next, c, width, add);                                          \
        else if (vectors == 2)                                                                            \
            N(sum_of)(rows, 2, 0, left, b, next, c, width, add);                                          \
        else                                                                                              \
            N(sum_of)(rows, 1, 0, left, b, next, c, width, add);                                          \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#if MOST > 6
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
#endif
#undef TILE

typedef void (*N(tile))(const N(left) *, int, const NUMBER *, Py_ssize_t, NUMBER *, Py_ssize_t, int);

static const N(tile) N(tiles)[] = {
    N(tile1), N(tile2), N(tile3), N(tile4),  N(tile5),  N(tile6),
#if MOST > 6
    N(tile7), N(tile8), N(tile9), N(tile10), N(tile11), N(tile12),
#endif
};

/* A tile of `rows` rows and `columns` columns into c; where the columns are not whole vectors, by way
of a tile on the stack. */
static WITH void
N(fill)(int rows, int columns, const N(left) *left, const NUMBER *b, Py_ssize_t next, NUMBER *c,
        Py_ssize_t width, int add)
{
    int vectors = columns > LANES ? 2 : 1, whole = vectors * LANES;
    if (columns == whole) {
        N(tiles)[rows - 1](left, vectors, b, next, c, width, add);
        return;
    }
    NUMBER aside[MOST * 2 * LANES];
    N(tiles)[rows - 1](left, vectors, b, next, aside, whole, 0);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            NUMBER *to = c + i * width + j;
            *to = add ? *to + aside[i * whole + j] : aside[i * whole + j];
        }
}

/* How many numbers `columns` columns and `depth` rows take as panels, filled up to whole vectors. */
static Py_ssize_t
N(room)(Py_ssize_t depth, Py_ssize_t columns)
{
    return depth * ((columns + LANES - 1) / LANES * LANES);
}

/* A square of numbers turned over its diagonal: by perfect shuffles of rows i and i + LANES / 2, as often
as LANES halves. */
static inline __attribute__((always_inline)) WITH void
N(turn)(const NUMBER *from, Py_ssize_t across, NUMBER *to, Py_ssize_t whole)
{
    typedef __typeof__((N(vector)){0} < (N(vector)){0}) Order;
    Order low, high;
    N(vector) rows[LANES], shuffled[LANES];
#pragma GCC unroll 16
    for (int j = 0; j < LANES; j++) {
        low[j] = j / 2 + j % 2 * LANES;
        high[j] = low[j] + LANES / 2;
        rows[j] = *(const N(vector) *)(from + j * across);
    }
#pragma GCC unroll 4
    for (int halves = LANES; halves > 1; halves /= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            shuffled[2 * i] = __builtin_shuffle(rows[i], rows[i + LANES / 2], low);
            shuffled[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + LANES / 2], high);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            rows[i] = shuffled[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        *(N(vector) *)(to + i * whole) = rows[i];
}

/* One panel: `depth` rows of `count` columns, with zeros up to `whole` of them. */
static WITH void
N(panel)(const NUMBER *b, Py_ssize_t depth, Py_ssize_t count, Py_ssize_t whole, Py_ssize_t down,
         Py_ssize_t across, NUMBER *out)
{
    Py_ssize_t p = 0;
    if (across == 1 && count == whole)
        for (; p < depth; p++)
            memcpy(out + p * whole, b + p * down, whole * sizeof(NUMBER));
    else if (down == 1 && count == whole)
        for (; p + LANES <= depth; p += LANES)
            for (Py_ssize_t j = 0; j < whole; j += LANES)
                N(turn)(b + p + j * across, across, out + p * whole + j, whole);
    for (; p < depth; p++)
        for (Py_ssize_t j = 0; j < whole; j++)
            out[p * whole + j] = j < count ? b[p * down + j * across] : 0;
}

/* The columns of b as panels of one or two vectors, one row of a panel after the other. `across` is
the distance of neighbours in a row, `down` that of rows. */
static WITH void
N(pack)(const NUMBER *b, Py_ssize_t depth, Py_ssize_t columns, Py_ssize_t down, Py_ssize_t across,
        NUMBER *out)
{
    for (Py_ssize_t j = 0; j < columns; j += 2 * LANES) {
        Py_ssize_t left = columns - j, count = left < 2 * LANES ? left : 2 * LANES;
        Py_ssize_t whole = count > LANES ? 2 * LANES : LANES;
        N(panel)(b + j * across, depth, count, whole, down, across, out);
        out += depth * whole;
    }
}

/* `many` rows of the product with columns that are packed, or, with `next` above 0, that far from one
row to the next; the rows are cut evenly into tiles. */
static WITH void
N(rows)(N(left) left, Py_ssize_t many, const NUMBER *b, Py_ssize_t next, Py_ssize_t columns, NUMBER *c,
        Py_ssize_t width, int add)
{
    Py_ssize_t tiles = (many + MOST - 1) / MOST, depth = left.segments * left.steps;
    for (Py_ssize_t t = 0, done = 0; t < tiles; t++) {
        int rows = (int)(many / tiles + (t < many % tiles));
        const NUMBER *panel = b;
        for (Py_ssize_t j = 0; j < columns; j += 2 * LANES) {
            int count = (int)(columns - j < 2 * LANES ? columns - j : 2 * LANES);
            int whole = count > LANES ? 2 * LANES : LANES;
            N(fill)(rows, count, &left, panel, next ? next : whole, c + done * width + j, width, add);
            panel += next ? whole : depth * whole;
        }
        left.a += rows * left.row;
        done += rows;
    }
}
