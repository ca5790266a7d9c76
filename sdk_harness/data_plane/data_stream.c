#include "sdk_harness/data_plane/data_stream.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DATA_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnData/Data"

enum { MAX_STREAMS = 64, QUEUED_OUTPUT_BYTES = 32 * 1024 * 1024, LAST_WRITE_WAIT_MS = 2000, CLOSE_WAIT_MS = 1000 };

typedef struct data_stream {
    struct data_stream *next;
    beamc_data_streams *owner;
    beamc_channel *channel;
    beamc_stream *stream;
    char *url;
    bool paused; /* the cap is reached: no read is asked for; under the owner's lock */
    bool closed; /* takes no further bundles; under the owner's lock */
    bool gone;   /* nothing will call for it any more; under the owner's lock */
} data_stream;

struct beamc_data_streams {
    beamc_completion_loop *loop;
    beamc_inbound *inbound;
    char *worker_id;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    data_stream *streams; /* closed ones stay until the next get */
    size_t num_streams;
    bool stopping;
};

static void ask_for_more(data_stream *data) {
    pthread_mutex_lock(&data->owner->lock);
    data->paused = beamc_inbound_full(data->owner->inbound);
    bool paused = data->paused;
    pthread_mutex_unlock(&data->owner->lock);
    if (!paused)
        beamc_stream_read(data->stream);
}

static void elements_received(void *context, beamc_message *message) {
    data_stream *data = context;
    beamc_error err;
    if (beamc_inbound_accept(data->owner->inbound, message, &err) != BEAMC_OK) {
        log_error("%s; its bundles fail", err.text);
        beamc_inbound_break(data->owner->inbound, data->url, err.text);
    }
    beamc_message_release(message);
    ask_for_more(data);
}

static void room_again(void *context) {
    beamc_data_streams *streams = context;
    pthread_mutex_lock(&streams->lock); /* held on, so that none of them is freed meanwhile */
    for (data_stream *data = streams->streams; data != NULL; data = data->next)
        if (data->paused && !data->closed) {
            data->paused = false;
            beamc_stream_read(data->stream);
        }
    pthread_mutex_unlock(&streams->lock);
}

static void stream_closed(void *context, int status_code, const char *details) {
    data_stream *data = context;
    beamc_data_streams *streams = data->owner;
    char *why = beamc_format("the data stream of %s ended (status %d%s%s)", data->url, status_code,
                             details[0] == '\0' ? "" : ", ", details);
    /* First closed, then broken: a bundle that attaches in between sees one or is woken by the other. */
    pthread_mutex_lock(&streams->lock);
    data->closed = true;
    pthread_mutex_unlock(&streams->lock);
    beamc_inbound_break(streams->inbound, data->url, why);
    free(why);
    pthread_mutex_lock(&streams->lock);
    data->gone = true;
    pthread_cond_broadcast(&streams->changed);
    pthread_mutex_unlock(&streams->lock);
}

beamc_data_streams *beamc_data_streams_new(beamc_completion_loop *loop, beamc_inbound *inbound, const char *worker_id) {
    beamc_data_streams *streams = beamc_alloc_zero(1, sizeof *streams);
    streams->loop = loop;
    streams->inbound = inbound;
    streams->worker_id = beamc_strdup(worker_id);
    pthread_mutex_init(&streams->lock, NULL);
    pthread_cond_init(&streams->changed, NULL);
    beamc_inbound_on_room(inbound, room_again, streams);
    return streams;
}

static data_stream *open_stream(beamc_data_streams *streams, const char *url) {
    static const beamc_stream_events events = {.message = elements_received, .closed = stream_closed};
    data_stream *data = beamc_alloc_zero(1, sizeof *data);
    data->owner = streams;
    data->url = beamc_strdup(url);
    data->channel = beamc_channel_open(url, streams->worker_id);
    data->stream = beamc_stream_open(streams->loop, data->channel, DATA_METHOD, &events, data, QUEUED_OUTPUT_BYTES);
    data->next = streams->streams;
    streams->streams = data;
    streams->num_streams++;
    return data;
}

static void free_stream(data_stream *data) {
    beamc_stream_release(data->stream);
    beamc_channel_close(data->channel);
    free(data->url);
    free(data);
}

/* A runner may end its data stream often; what is closed is told nothing more. */
static void free_closed(beamc_data_streams *streams) {
    for (data_stream **at = &streams->streams; *at != NULL;) {
        data_stream *data = *at;
        if (!data->closed) {
            at = &data->next;
            continue;
        }
        *at = data->next;
        streams->num_streams--;
        free_stream(data);
    }
}

beamc_stream *beamc_data_streams_get(beamc_data_streams *streams, const char *url) {
    pthread_mutex_lock(&streams->lock);
    if (!streams->stopping)
        free_closed(streams);
    data_stream *data = streams->streams;
    while (data != NULL && (data->closed || strcmp(data->url, url) != 0))
        data = data->next;
    bool fresh = data == NULL;
    if (fresh && !streams->stopping && streams->num_streams < MAX_STREAMS)
        data = open_stream(streams, url);
    beamc_stream *stream = data == NULL ? NULL : data->stream;
    if (stream != NULL)
        beamc_stream_retain(stream);
    pthread_mutex_unlock(&streams->lock);
    if (fresh && stream != NULL)
        beamc_stream_read(stream);
    return stream;
}

bool beamc_data_streams_all_open(beamc_data_streams *streams) {
    pthread_mutex_lock(&streams->lock);
    bool open = streams->streams != NULL;
    for (data_stream *data = streams->streams; data != NULL; data = data->next)
        open = open && !data->closed;
    pthread_mutex_unlock(&streams->lock);
    return open;
}

void beamc_data_streams_free(beamc_data_streams *streams) {
    if (streams == NULL)
        return;
    pthread_mutex_lock(&streams->lock);
    streams->stopping = true;
    pthread_mutex_unlock(&streams->lock);
    beamc_inbound_on_room(streams->inbound, NULL, NULL);
    for (data_stream *data = streams->streams; data != NULL; data = data->next) {
        (void)beamc_stream_wait_written(data->stream, LAST_WRITE_WAIT_MS);
        beamc_stream_end(data->stream, CLOSE_WAIT_MS);
    }
    pthread_mutex_lock(&streams->lock);
    for (data_stream *data = streams->streams; data != NULL; data = data->next)
        while (!data->gone) /* a cancelled call always tells its end */
            pthread_cond_wait(&streams->changed, &streams->lock);
    pthread_mutex_unlock(&streams->lock);
    while (streams->streams != NULL) {
        data_stream *data = streams->streams;
        streams->streams = data->next;
        free_stream(data);
    }
    pthread_cond_destroy(&streams->changed);
    pthread_mutex_destroy(&streams->lock);
    free(streams->worker_id);
    free(streams);
}
