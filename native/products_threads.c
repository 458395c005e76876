/* Memory and threads for the parts of a product. */

#include "products.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct {
    size_t size;
    void *memory;
} Held;

static pthread_key_t held_key;

static void
give_back(void *value)
{
    Held *held = value;
    free(held->memory);
    free(held);
}

void *
workspace(size_t size)
{
    Held *held = pthread_getspecific(held_key);
    if (held == NULL) {
        held = calloc(1, sizeof *held);
        if (held == NULL || pthread_setspecific(held_key, held)) {
            free(held);
            return NULL;
        }
    }
    if (size > held->size) {
        free(held->memory);
        held->size = 0;
        if (posix_memalign(&held->memory, 64, size)) {
            held->memory = NULL;
            return NULL;
        }
        held->size = size;
    }
    return held->memory;
}

/* A thread takes a part of the oldest job, whoever's it is: of two products that XLA starts at the same
time one is done soon, in place of both late, and nobody idles while the other's last parts run. */
Queue for_xla, for_numpy;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;

static void
forked(void)
{
    for_xla.oldest = for_numpy.oldest = NULL; /* their threads are the parent's */
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&finished, NULL);
}

int
threads_ready(void)
{
    return pthread_key_create(&held_key, give_back) || pthread_atfork(NULL, NULL, forked) ? -1 : 0;
}

static void
append(Queue *queue, Job *job)
{
    Job **end = &queue->oldest;
    pthread_mutex_lock(&lock);
    while (*end != NULL)
        end = &(*end)->later;
    *end = job;
    pthread_mutex_unlock(&lock);
}

/* Runs one part of the oldest job; the lock is held before and after. */
static void
run_oldest(Queue *queue)
{
    Job *job = queue->oldest;
    Py_ssize_t part = job->next++;
    if (job->next == job->parts)
        queue->oldest = job->later;
    pthread_mutex_unlock(&lock);
    job->run(job, part);
    pthread_mutex_lock(&lock);
    if (++job->done < job->parts)
        return;
    if (job->told == NULL)
        pthread_cond_broadcast(&finished);
    else {
        pthread_mutex_unlock(&lock);
        job->told(job);
        pthread_mutex_lock(&lock);
    }
}

static void
help(void *queue)
{
    pthread_mutex_lock(&lock);
    while (((Queue *)queue)->oldest != NULL)
        run_oldest(queue);
    pthread_mutex_unlock(&lock);
}

/* How many threads come to help. */
static Py_ssize_t
lent(Lender *lender, Py_ssize_t wanted)
{
    Py_ssize_t count = 0;
    while (count < lender->others && count < wanted && lender->lend(lender, help) == 0)
        count++;
    return count;
}

void
share(Lender *lender, Job *job)
{
    if (lender->others <= 0 || job->parts <= 1) {
        for (Py_ssize_t part = 0; part < job->parts; part++)
            job->run(job, part);
        return;
    }
    append(lender->queue, job);
    lent(lender, job->parts - 1);
    pthread_mutex_lock(&lock);
    while (job->next < job->parts)
        run_oldest(lender->queue);
    while (job->done < job->parts)
        pthread_cond_wait(&finished, &lock);
    pthread_mutex_unlock(&lock);
}

void
hand_out(Lender *lender, Job *job, void (*told)(Job *))
{
    job->told = told;
    Py_ssize_t parts = job->parts;
    append(lender->queue, job); /* from here on it may be gone */
    if (lent(lender, parts) == 0)
        help(lender->queue);
}
