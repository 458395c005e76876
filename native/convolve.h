/* Parts of a convolution and of its gradient by the filters, for one type of number and one set of
instructions; included after tile.h. */

/* The rows of an image that the places of rows `first` to `last` see: where they lie, with zeros around
them where windows reach out, and the distance between two of them. */
static WITH const NUMBER *
N(seen)(const Convolution *v, const NUMBER *image, Py_ssize_t first, Py_ssize_t last, NUMBER *room,
        Py_ssize_t *pitch)
{
    Py_ssize_t top = first * v->strides[0] - v->before[0], left = -v->before[1];
    if (room == NULL) {
        *pitch = v->size[1] * v->channels;
        return image + top * *pitch + left * v->channels;
    }
    Py_ssize_t rows = (last - 1 - first) * v->strides[0] + (v->window[0] - 1) * v->dilations[0] + 1;
    Py_ssize_t width = (v->places[1] - 1) * v->strides[1] + (v->window[1] - 1) * v->dilations[1] + 1;
    Py_ssize_t from = left < 0 ? -left : 0, to = v->size[1] - left < width ? v->size[1] - left : width;
    *pitch = width * v->channels;
    for (Py_ssize_t r = 0; r < rows; r++) {
        NUMBER *out = room + r * *pitch;
        Py_ssize_t y = top + r;
        if (y < 0 || y >= v->size[0] || from >= to) {
            memset(out, 0, *pitch * sizeof(NUMBER));
            continue;
        }
        memset(out, 0, from * v->channels * sizeof(NUMBER));
        memcpy(out + from * v->channels, image + (y * v->size[1] + left + from) * v->channels,
               (to - from) * v->channels * sizeof(NUMBER));
        memset(out + to * v->channels, 0, (width - to) * v->channels * sizeof(NUMBER));
    }
    return room;
}

/* The numbers that `rows` rows of places see, 0 where no window reaches beyond the image. */
static Py_ssize_t
N(seen_size)(const Convolution *v, Py_ssize_t rows)
{
    int within = 1;
    Py_ssize_t extent[2];
    for (int d = 0; d < 2; d++) {
        Py_ssize_t reach = (v->window[d] - 1) * v->dilations[d];
        extent[d] = ((d ? v->places[1] : rows) - 1) * v->strides[d] + reach + 1;
        Py_ssize_t last = (v->places[d] - 1) * v->strides[d] - v->before[d] + reach;
        within &= v->before[d] <= 0 && last < v->size[d];
    }
    return within ? 0 : extent[0] * extent[1] * v->channels;
}

/* Some rows of places of all images, for all filters, some at a time. */
static WITH void
N(places)(Job *job, Py_ssize_t part)
{
    const Convolution *v = job->phases;
    while (v + 1 < job->phases + job->count && part >= v[1].first_part)
        v++;
    part -= v->first_part;
    Py_ssize_t taps = v->window[0] * v->window[1], total = v->images * v->places[0];
    Py_ssize_t begin = part * v->part_rows, end = begin + v->part_rows < total ? begin + v->part_rows : total;
    Py_ssize_t area = N(seen_size)(v, v->places[0] < v->part_rows ? v->places[0] : v->part_rows);
    Py_ssize_t packed_size = N(room)(taps * v->channels, v->part_columns);
    Py_ssize_t *starts = workspace(taps * sizeof(Py_ssize_t) + (packed_size + area) * sizeof(NUMBER));
    if (starts == NULL) {
        job->failed = 1;
        return;
    }
    NUMBER *packed = (NUMBER *)(starts + taps), *room = area ? packed + packed_size : NULL;
    for (Py_ssize_t column = 0; column < v->filters; column += v->part_columns) {
        Py_ssize_t columns = v->filters - column < v->part_columns ? v->filters - column : v->part_columns;
        N(pack)((const NUMBER *)v->w + column, taps * v->channels, columns, v->filters, 1, packed);
        for (Py_ssize_t row = begin; row < end;) {
            Py_ssize_t image = row / v->places[0], first = row % v->places[0], pitch;
            Py_ssize_t last = end - row < v->places[0] - first ? first + end - row : v->places[0];
            const NUMBER *x = (const NUMBER *)v->x + image * v->size[0] * v->size[1] * v->channels;
            x = N(seen)(v, x, first, last, room, &pitch);
            for (Py_ssize_t t = 0; t < taps; t++)
                starts[t] = t / v->window[1] * v->dilations[0] * pitch
                    + t % v->window[1] * v->dilations[1] * v->channels;
            N(left) left = {x, starts, taps, v->channels, v->strides[1] * v->channels, 1};
            for (Py_ssize_t i = first; i < last; i++, row++) {
                NUMBER *out = (NUMBER *)v->out + image * v->pitch[0] + i * v->pitch[1] + column;
                N(rows)(left, v->places[1], packed, 0, columns, out, v->pitch[2], 0);
                left.a += v->strides[0] * pitch;
            }
        }
    }
}

/* The gradient by the filters of some images: (channels, window, filters). */
static WITH void
N(filters)(Job *job, Py_ssize_t part)
{
    const Convolution *v = job->phases;
    Py_ssize_t taps = v->window[0] * v->window[1], places = v->places[0] * v->places[1];
    Py_ssize_t begin = part * v->part_rows;
    Py_ssize_t end = begin + v->part_rows < v->images ? begin + v->part_rows : v->images;
    Py_ssize_t area = N(seen_size)(v, v->places[0]);
    int whole = v->filters % LANES == 0; /* then the cotangent is read where it lies */
    Py_ssize_t packed_size = whole ? 0 : N(room)(places, v->filters);
    size_t size = v->places[0] * sizeof(Py_ssize_t) + (packed_size + area) * sizeof(NUMBER);
    Py_ssize_t *starts = workspace(size);
    if (starts == NULL) {
        job->failed = 1;
        return;
    }
    NUMBER *packed = (NUMBER *)(starts + v->places[0]), *room = area ? packed + packed_size : NULL;
    Py_ssize_t out_size = v->channels * taps * v->filters;
    NUMBER *out = part ? (NUMBER *)job->aside + (part - 1) * out_size : (NUMBER *)v->out;
    for (Py_ssize_t image = begin; image < end; image++) {
        Py_ssize_t pitch;
        const NUMBER *x = (const NUMBER *)v->x + image * v->size[0] * v->size[1] * v->channels;
        x = N(seen)(v, x, 0, v->places[0], room, &pitch);
        const NUMBER *b = (const NUMBER *)v->w + image * places * v->filters;
        if (!whole) {
            N(pack)(b, places, v->filters, v->filters, 1, packed);
            b = packed;
        }
        for (Py_ssize_t i = 0; i < v->places[0]; i++)
            starts[i] = i * v->strides[0] * pitch;
        for (Py_ssize_t t = 0; t < taps; t++) {
            const NUMBER *a = x + t / v->window[1] * v->dilations[0] * pitch
                + t % v->window[1] * v->dilations[1] * v->channels;
            N(left) left = {a, starts, v->places[0], v->places[1], 1, v->strides[1] * v->channels};
            N(rows)(left, v->channels, b, whole ? v->filters : 0, v->filters, out + t * v->filters,
                    taps * v->filters, image > begin);
        }
    }
}

static const Kernels N(kernels) = {LANES, MOST, N(block), N(places), N(filters)};
