/* Products of matrices and convolutions: the kernels for each type of number and each set of vector
instructions, and how a product is cut into parts for several threads. */

#include "products.h"

#include <stdlib.h>

enum {
    AHEAD = 12,  /* rows of b that are asked for before they are needed */
    FEW = 16     /* tiles of rows for which columns of b are not copied */
};

#if defined(__GNUC__) && defined(__x86_64__)

#define WITH __attribute__((target("avx512f,avx512vl,fma,prefer-vector-width=512")))
#define MOST 12
#define NUMBER float
#define LANES 16
#define N(name) name##_single_512
#include "tile.h"
#include "matmul.h"
#include "convolve.h"
#undef NUMBER
#undef LANES
#undef N
#define NUMBER double
#define LANES 8
#define N(name) name##_double_512
#include "tile.h"
#include "matmul.h"
#include "convolve.h"
#undef NUMBER
#undef LANES
#undef N
#undef MOST
#undef WITH

#define WITH __attribute__((target("avx2,fma")))
#define MOST 6
#define NUMBER float
#define LANES 8
#define N(name) name##_single_256
#include "tile.h"
#include "matmul.h"
#include "convolve.h"
#undef NUMBER
#undef LANES
#undef N
#define NUMBER double
#define LANES 4
#define N(name) name##_double_256
#include "tile.h"
#include "matmul.h"
#include "convolve.h"

static int allowed = 512; /* bits of a vector, at most */

int
widest(int bits)
{
    int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
    allowed = bits;
    return wide && allowed >= 512 ? 512 : 256;
}

const Kernels *
kernels_of(Py_ssize_t item)
{
    if (allowed >= 512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
        return item == sizeof(float) ? &kernels_single_512 : &kernels_double_512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return item == sizeof(float) ? &kernels_single_256 : &kernels_double_256;
    return NULL;
}

#else

int
widest(int bits)
{
    (void)bits;
    return 0;
}

const Kernels *
kernels_of(Py_ssize_t item)
{
    (void)item;
    return NULL;
}

#endif

enum {
    WORTH = 1 << 18, /* products of numbers, about 5 us: what a part has at least */
    EACH = 3,        /* parts for each thread, so that none waits long for another */
    COLUMNS = 128,   /* at most, so that their panels stay in the second cache */
    MORE = 256,      /* where rows are copied for every group of columns */
    ASIDE = 1 << 24  /* bytes for gradients of parts */
};

static Py_ssize_t
up(Py_ssize_t n, Py_ssize_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static Py_ssize_t
parts(Py_ssize_t n, Py_ssize_t size)
{
    return (n + size - 1) / size;
}

static Py_ssize_t
wanted_by(const Lender *lender)
{
    return lender->others > 0 ? EACH * (lender->others + 1) : 1;
}

int
matmul(Lender *lender, const Matmul *m)
{
    const Kernels *kernels = kernels_of(m->item);
    Py_ssize_t panel = 2 * kernels->lanes, most = kernels->most;
    Job job = {.rows = m->rows, .columns = m->columns, .product = m};
    Py_ssize_t wanted = wanted_by(lender), columns = m->turn_a ? MORE : COLUMNS;
    if (job.columns > columns)
        job.columns = up(parts(m->columns, parts(m->columns, columns)), panel);
    for (;;) {
        job.parts = m->count * parts(m->rows, job.rows) * parts(m->columns, job.columns);
        if (job.parts >= wanted || job.rows * job.columns * m->depth < 2 * WORTH)
            break;
        /* a copy of columns pays by the rows that it serves */
        if (job.columns > panel && (job.rows < 16 * most || job.columns >= job.rows))
            job.columns = up(parts(job.columns, 2), panel);
        else if (job.rows > most)
            job.rows = up(parts(job.rows, 2), most);
        else
            break;
    }
    share(lender, &job, kernels->block);
    return job.failed ? -1 : 0;
}

static int
convolve_plain(Lender *lender, const Convolution *v)
{
    const Kernels *kernels = kernels_of(v->item);
    Py_ssize_t panel = 2 * kernels->lanes, taps = v->window[0] * v->window[1];
    Py_ssize_t total = v->images * v->places[0], column = taps * v->channels * v->item;
    Job job = {.product = v};
    job.columns = (1 << 19) / column / panel * panel;
    if (job.columns < panel)
        job.columns = panel;
    if (job.columns > v->filters)
        job.columns = v->filters;
    Py_ssize_t row = v->places[1] * taps * v->channels * v->filters;
    job.rows = parts(total, wanted_by(lender));
    if (job.rows * row < WORTH)
        job.rows = parts(WORTH, row);
    job.parts = parts(total, job.rows);
    share(lender, &job, kernels->places);
    return job.failed ? -1 : 0;
}

/* One axis of the places r, r + apart, r + 2 apart, ... of an image whose neighbours lie apart: the window
over the image itself. The taps that meet no zeros are every `every`th one from `first` on; 0 where
there are none. */
static int
phase(const Convolution *v, int d, Py_ssize_t r, Convolution *part, Py_ssize_t *first, Py_ssize_t *every)
{
    Py_ssize_t apart = v->apart[d], dilation = v->dilations[d], common = apart, rest = dilation;
    while (rest) {
        Py_ssize_t next = common % rest;
        common = rest;
        rest = next;
    }
    Py_ssize_t at = r - v->before[d], tap = 0;
    *every = apart / common;
    while (tap < *every && (at + tap * dilation) % apart)
        tap++;
    if (tap == *every || tap >= v->window[d])
        return 0;
    *first = tap;
    part->window[d] = parts(v->window[d] - tap, *every);
    part->dilations[d] = dilation / common;
    part->before[d] = -(at + tap * dilation) / apart;
    part->places[d] = parts(v->places[d] - r, apart);
    part->apart[d] = 1;
    return 1;
}

/* Each phase of the places is a plain convolution with some of the taps. */
static int
convolve_apart(Lender *lender, const Convolution *v)
{
    Py_ssize_t each = v->channels * v->filters * v->item;
    char *taps = malloc(v->window[0] * v->window[1] * each);
    int bad = taps == NULL ? -1 : 0;
    memset(v->out, 0, v->images * v->pitch[0] * v->item);
    for (Py_ssize_t r = 0; r < v->apart[0] && r < v->places[0]; r++)
        for (Py_ssize_t s = 0; s < v->apart[1] && s < v->places[1] && !bad; s++) {
            Convolution part = *v;
            Py_ssize_t first[2], every[2];
            if (!phase(v, 0, r, &part, first, every) || !phase(v, 1, s, &part, first + 1, every + 1))
                continue;
            char *to = taps;
            for (Py_ssize_t i = 0; i < part.window[0]; i++)
                for (Py_ssize_t j = 0; j < part.window[1]; j++, to += each) {
                    Py_ssize_t tap = (first[0] + i * every[0]) * v->window[1] + first[1] + j * every[1];
                    memcpy(to, (const char *)v->w + tap * each, each);
                }
            part.w = taps;
            part.out = (char *)v->out + (r * v->pitch[1] + s * v->pitch[2]) * v->item;
            part.pitch[1] *= v->apart[0];
            part.pitch[2] *= v->apart[1];
            bad = convolve_plain(lender, &part);
        }
    free(taps);
    return bad;
}

int
convolve(Lender *lender, const Convolution *given)
{
    Convolution v = *given;
    v.pitch[2] = v.filters;
    v.pitch[1] = v.places[1] * v.pitch[2];
    v.pitch[0] = v.places[0] * v.pitch[1];
    return (v.apart[0] > 1 || v.apart[1] > 1 ? convolve_apart : convolve_plain)(lender, &v);
}

int
filter_gradient(Lender *lender, const Convolution *v)
{
    const Kernels *kernels = kernels_of(v->item);
    Py_ssize_t size = v->channels * v->window[0] * v->window[1] * v->filters;
    Py_ssize_t wanted = wanted_by(lender), threads = lender->others + 1;
    Job job = {.product = v};
    if (wanted > threads && wanted * size * v->item > ASIDE)
        wanted = threads;
    job.rows = parts(v->images, wanted);
    job.parts = parts(v->images, job.rows);
    Py_ssize_t others = job.parts - 1;
    if (others && (job.aside = malloc(others * size * v->item)) == NULL)
        return -1;
    share(lender, &job, kernels->filters);
    for (Py_ssize_t part = 0; part < others; part++)
        if (v->item == sizeof(float)) {
            float *out = v->out;
            const float *term = (const float *)job.aside + part * size;
            for (Py_ssize_t i = 0; i < size; i++)
                out[i] += term[i];
        }
        else {
            double *out = v->out;
            const double *term = (const double *)job.aside + part * size;
            for (Py_ssize_t i = 0; i < size; i++)
                out[i] += term[i];
        }
    free(job.aside);
    return job.failed ? -1 : 0;
}
