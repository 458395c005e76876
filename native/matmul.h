/* A part of the product of two matrices, for one type of number and one set of instructions; included
after tile.h. */

enum { N(DEPTH) = 1536 / sizeof(NUMBER) }; /* steps at a time: the rows of a tile stay in the first cache */

/* Rows of a turned factor, `many` of them, side by side. */
static inline WITH void
N(copy)(const NUMBER *from, Py_ssize_t steps, Py_ssize_t many, Py_ssize_t down, NUMBER *to)
{
    for (Py_ssize_t s = 0; s < steps; s++)
        if (many == MOST) /* a size that the compiler knows */
            memcpy(to + s * MOST, from + s * down, MOST * sizeof(NUMBER));
        else
            memcpy(to + s * many, from + s * down, many * sizeof(NUMBER));
}

/* One block of c, with its own copy of the columns of b. */
static WITH void
N(block)(Job *job, Py_ssize_t part)
{
    const Matmul *m = &job->matmul;
    Py_ssize_t over = (m->columns + m->part_columns - 1) / m->part_columns;
    Py_ssize_t down = (m->rows + m->part_rows - 1) / m->part_rows, which = part / (over * down);
    Py_ssize_t row = part / over % down * m->part_rows, column = part % over * m->part_columns;
    Py_ssize_t rows = m->rows - row < m->part_rows ? m->rows - row : m->part_rows;
    Py_ssize_t columns = m->columns - column < m->part_columns ? m->columns - column : m->part_columns;
    const NUMBER *a = (const NUMBER *)m->a + which * m->rows * m->depth;
    const NUMBER *b = (const NUMBER *)m->b + which * m->depth * m->columns;
    NUMBER *c = (NUMBER *)m->c + (which * m->rows + row) * m->columns + column;

    Py_ssize_t slabs = (m->depth + N(DEPTH) - 1) / N(DEPTH), most = (m->depth + slabs - 1) / slabs;
    NUMBER *packed = workspace((N(room)(most, columns) + MOST * (most + LANES)) * sizeof(NUMBER));
    if (packed == NULL) {
        job->failed = 1;
        return;
    }
    NUMBER *near = packed + N(room)(most, columns);
    Py_ssize_t start = 0, deeper = m->turn_b ? 1 : m->columns, across = m->turn_b ? m->depth : 1;
    int few = rows <= FEW * MOST && columns % LANES == 0 && !m->turn_b; /* a copy would not pay */
    Py_ssize_t next = few ? m->columns : 0;
    for (Py_ssize_t p = 0; p < m->depth; p += most) {
        Py_ssize_t steps = m->depth - p < most ? m->depth - p : most;
        const NUMBER *columns_of = b + p * deeper + column * across;
        if (!few)
            N(pack)(columns_of, steps, columns, deeper, across, packed);
        const NUMBER *right = few ? columns_of : packed;
        const NUMBER *lines = a + row * m->depth + p;
        if (!m->turn_a && m->depth * sizeof(NUMBER) % BANK) {
            N(left) left = {lines, &start, 1, steps, m->depth, 1};
            N(rows)(left, rows, right, next, columns, c, m->columns, p > 0);
            continue;
        }
        for (Py_ssize_t i = 0; i < rows; i += MOST) {
            Py_ssize_t many = rows - i < MOST ? rows - i : MOST;
            N(left) left = {near, &start, 1, steps, m->turn_a ? 1 : steps + LANES, m->turn_a ? many : 1};
            if (m->turn_a)
                N(copy)(a + p * m->rows + row + i, steps, many, m->rows, near);
            else
                for (Py_ssize_t r = 0; r < many; r++)
                    memcpy(near + r * left.row, lines + (i + r) * m->depth, steps * sizeof(NUMBER));
            N(rows)(left, many, right, next, columns, c + i * m->columns, m->columns, p > 0);
        }
    }
}
