/* Products of matrices and convolutions: the kernels for each type of number and each set of vector
instructions, and how a product is cut into parts for several threads. */

#include "products.h"

#include <stdlib.h>

enum {
    AHEAD = 12,  /* rows of b that are asked for before they are needed */
    FEW = 16,    /* tiles of rows for which columns of b are not copied */
    BANK = 1024  /* bytes: rows at multiples of them displace one another from the first cache */
};

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)

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
    WORTH = 1 << 18, /* products of numbers, about 5 us: what a part of a convolution has at least */
    ALONE = 1 << 21, /* what one thread does of a product of matrices: parts of less gain nothing, and
                        keep a second core busy that the program may have other work for */
    EACH = 3,        /* parts for each thread, so that none waits long for another */
    COLUMNS = 128,   /* at most, so that their panels stay in the second cache */
    MORE = 256,      /* where rows are copied for every group of columns */
    PANELS = 1 << 19, /* bytes of copied columns of a convolution */
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

/* How many parts are wanted for so many threads. */
static Py_ssize_t
wanted(Py_ssize_t threads)
{
    return threads > 1 ? EACH * threads : 1;
}

static Job *
new_job(Part run)
{
    Job *job = calloc(1, sizeof *job);
    if (job != NULL)
        job->run = run;
    return job;
}

Job *
matmul(const Matmul *given, Py_ssize_t threads)
{
    const Kernels *kernels = kernels_of(given->item);
    Job *job = new_job(kernels->block);
    if (job == NULL)
        return NULL;
    Matmul *m = &job->matmul;
    *m = *given;
    Py_ssize_t panel = 2 * kernels->lanes, most = kernels->most, columns = m->turn_a ? MORE : COLUMNS;
    m->part_rows = m->rows;
    m->part_columns = m->columns;
    if (m->columns > columns)
        m->part_columns = up(parts(m->columns, parts(m->columns, columns)), panel);
    for (;;) {
        job->parts = m->count * parts(m->rows, m->part_rows) * parts(m->columns, m->part_columns);
        if (job->parts >= wanted(threads) || m->part_rows * m->part_columns * m->depth < ALONE)
            return job;
        /* a copy of columns pays by the rows that it serves */
        if (m->part_columns > panel && (m->part_rows < 16 * most || m->part_columns >= m->part_rows))
            m->part_columns = up(parts(m->part_columns, 2), panel);
        else if (m->part_rows > most)
            m->part_rows = up(parts(m->part_rows, 2), most);
        else
            return job;
    }
}

Convolution
convolution_of(const Py_ssize_t *x_axes, const Py_ssize_t *places, const Py_ssize_t *numbers)
{
    return (Convolution){
        .images = x_axes[0],
        .size = {x_axes[1], x_axes[2]},
        .channels = x_axes[3],
        .filters = places[3],
        .window = {numbers[0], numbers[1]},
        .strides = {numbers[2], numbers[3]},
        .dilations = {numbers[4], numbers[5]},
        .before = {numbers[6], numbers[7]},
        .apart = {numbers[8], numbers[9]},
        .places = {places[1], places[2]},
    };
}

/* Cuts a plain convolution whose parts begin with number `first`; the number behind its last one. */
static Py_ssize_t
cut(Convolution *v, Py_ssize_t first, Py_ssize_t threads)
{
    Py_ssize_t panel = 2 * kernels_of(v->item)->lanes, taps = v->window[0] * v->window[1];
    Py_ssize_t total = v->images * v->places[0], columns = PANELS / (taps * v->channels * v->item);
    columns = columns < panel ? panel : columns / panel * panel;
    v->part_columns = columns < v->filters ? columns : v->filters;
    Py_ssize_t row = v->places[1] * taps * v->channels * v->filters;
    v->part_rows = parts(total, wanted(threads));
    if (v->part_rows * row < WORTH)
        v->part_rows = parts(WORTH, row);
    v->first_part = first;
    return first + parts(total, v->part_rows);
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
    return 1;
}

/* Each phase of the places is a plain convolution with some of the taps, which are copied; places that no
tap meets are 0. */
static void
cut_apart(Job *job, const Convolution *v, Py_ssize_t threads)
{
    Py_ssize_t each = v->channels * v->filters * v->item;
    char *taps = job->aside;
    int missed = 0;
    for (Py_ssize_t r = 0; r < v->apart[0] && r < v->places[0]; r++)
        for (Py_ssize_t s = 0; s < v->apart[1] && s < v->places[1]; s++) {
            Convolution *part = job->phases + job->count;
            Py_ssize_t first[2], every[2];
            *part = *v;
            if (!phase(v, 0, r, part, first, every) || !phase(v, 1, s, part, first + 1, every + 1)) {
                missed = 1;
                continue;
            }
            part->w = taps;
            part->out = (char *)v->out + (r * v->pitch[1] + s * v->pitch[2]) * v->item;
            part->pitch[1] *= v->apart[0];
            part->pitch[2] *= v->apart[1];
            for (Py_ssize_t i = 0; i < part->window[0]; i++)
                for (Py_ssize_t j = 0; j < part->window[1]; j++, taps += each) {
                    Py_ssize_t tap = (first[0] + i * every[0]) * v->window[1] + first[1] + j * every[1];
                    memcpy(taps, (const char *)v->w + tap * each, each);
                }
            job->parts = cut(part, job->parts, threads);
            job->count++;
        }
    if (missed)
        memset(v->out, 0, v->images * v->pitch[0] * v->item);
}

Job *
convolve(const Convolution *given, Py_ssize_t threads)
{
    Convolution v = *given;
    v.pitch[2] = v.filters;
    v.pitch[1] = v.places[1] * v.pitch[2];
    v.pitch[0] = v.places[0] * v.pitch[1];
    Py_ssize_t phases = v.apart[0] * v.apart[1], taps = v.window[0] * v.window[1];
    Job *job = new_job(kernels_of(v.item)->places);
    if (job == NULL)
        return NULL;
    job->phases = malloc(phases * sizeof v);
    job->aside = phases > 1 ? malloc(taps * v.channels * v.filters * v.item) : NULL;
    if (job->phases == NULL || (phases > 1 && job->aside == NULL)) {
        finish(job);
        return NULL;
    }
    if (phases > 1)
        cut_apart(job, &v, threads);
    else {
        job->phases[job->count++] = v;
        job->parts = cut(job->phases, 0, threads);
    }
    return job;
}

static void
add_up(Job *job)
{
    const Convolution *v = job->phases;
    Py_ssize_t size = v->channels * v->window[0] * v->window[1] * v->filters;
    for (Py_ssize_t part = 0; part < job->parts - 1; part++)
        if (v->item == sizeof(float)) {
            float *out = v->out;
            const float *term = (const float *)job->aside + part * size;
            for (Py_ssize_t i = 0; i < size; i++)
                out[i] += term[i];
        }
        else {
            double *out = v->out;
            const double *term = (const double *)job->aside + part * size;
            for (Py_ssize_t i = 0; i < size; i++)
                out[i] += term[i];
        }
}

Job *
filter_gradient(const Convolution *given, Py_ssize_t threads)
{
    Job *job = new_job(kernels_of(given->item)->filters);
    if (job == NULL)
        return NULL;
    Py_ssize_t size = given->channels * given->window[0] * given->window[1] * given->filters * given->item;
    Py_ssize_t count = wanted(threads);
    if (count > threads && count * size > ASIDE)
        count = threads;
    job->phases = malloc(sizeof *given);
    if (job->phases != NULL) {
        *job->phases = *given;
        job->count = 1;
        job->phases->part_rows = parts(given->images, count);
        job->parts = parts(given->images, job->phases->part_rows);
        job->add_up = add_up;
        if (job->parts > 1)
            job->aside = malloc((job->parts - 1) * size); /* the first part writes to the result */
    }
    if (job->phases == NULL || (job->parts > 1 && job->aside == NULL)) {
        finish(job);
        return NULL;
    }
    return job;
}

int
finish(Job *job)
{
    int failed = job->failed;
    if (!failed && job->add_up != NULL && job->aside != NULL)
        job->add_up(job);
    free(job->aside);
    free(job->phases);
    free(job);
    return failed ? -1 : 0;
}
