/* One stream of the harness against a server that does what the test says. */
#include "sdk_harness/rpc/bidi_stream.h"

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/clock.h"
#include "tests/fakes/fake_server.h"
#include "tests/support/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { WAIT_MS = 10 * 1000, KIB = 1024, QUEUED_BYTES = 64 * KIB };

typedef struct {
    beamc_completion_loop *loop;
    beamc_channel *channel;
    beamc_stream *stream;
    fake_server *server;
    bool read_on; /* ask for the next message as each one comes */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    fake_call *call;     /* on the server */
    char at_server[256]; /* all bytes that came there, as text */
    size_t num_at_server;
    bool half_closed;
    bool call_ended;
    bool call_cancelled;
    char at_client[256];
    size_t num_at_client;
    int num_closed;
    int closed_status;
    char closed_details[64];
    bool message_after_closed;
} fixture;

/* ---- what happens, noted ---- */

static void note_text(char *texts, size_t size, const uint8_t *bytes, size_t len) {
    size_t have = strlen(texts);
    snprintf(texts + have, size - have, "%.*s ", len > 16 ? 16 : (int)len, (const char *)bytes);
}

static void arrived(void *context, fake_call *call) {
    fixture *f = context;
    pthread_mutex_lock(&f->lock);
    f->call = call;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void message_at_server(void *context, fake_call *call, const uint8_t *bytes, size_t len) {
    fixture *f = context;
    (void)call;
    pthread_mutex_lock(&f->lock);
    note_text(f->at_server, sizeof f->at_server, bytes, len);
    f->num_at_server++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void half_closed(void *context, fake_call *call) {
    fixture *f = context;
    (void)call;
    pthread_mutex_lock(&f->lock);
    f->half_closed = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void call_ended(void *context, fake_call *call, bool cancelled) {
    fixture *f = context;
    (void)call;
    pthread_mutex_lock(&f->lock);
    f->call_ended = true;
    f->call_cancelled = cancelled;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static const fake_server_events server_events = {
    .arrived = arrived, .message = message_at_server, .half_closed = half_closed, .ended = call_ended};

static void message_at_client(void *context, beamc_message *message) {
    fixture *f = context;
    beamc_byte_buffer flat;
    beamc_byte_buffer_init(&flat, KIB * KIB);
    (void)beamc_message_flatten(message, &flat);
    beamc_message_release(message);
    pthread_mutex_lock(&f->lock);
    note_text(f->at_client, sizeof f->at_client, flat.data, flat.len);
    f->num_at_client++;
    f->message_after_closed = f->message_after_closed || f->num_closed > 0;
    bool read_on = f->read_on;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    beamc_byte_buffer_cleanup(&flat);
    if (read_on)
        beamc_stream_read(f->stream);
}

static void closed(void *context, int status_code, const char *details) {
    fixture *f = context;
    pthread_mutex_lock(&f->lock);
    f->num_closed++;
    f->closed_status = status_code;
    snprintf(f->closed_details, sizeof f->closed_details, "%s", details);
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* Waits until `condition`, which is looked at under the lock. */
#define AWAIT(f, condition)                                                                                            \
    do {                                                                                                               \
        uint64_t await_until_ms = beamc_clock_ms() + WAIT_MS;                                                          \
        pthread_mutex_lock(&(f)->lock);                                                                                \
        while (!(condition) && beamc_clock_ms() < await_until_ms)                                                      \
            wait_a_little(f);                                                                                          \
        bool await_reached = (condition);                                                                              \
        pthread_mutex_unlock(&(f)->lock);                                                                              \
        if (!await_reached)                                                                                            \
            fail_msg("not reached: %s", #condition);                                                                   \
    } while (0)

static void wait_a_little(fixture *f) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&f->changed, &f->lock, &until);
}

static void pause_ms(long ms) {
    const struct timespec pause = {.tv_nsec = ms * 1000000L};
    nanosleep(&pause, NULL);
}

/* ---- fixture ---- */

static int make_fixture(void **state) {
    static const beamc_stream_events events = {.message = message_at_client, .closed = closed};
    static fixture f;
    f = (fixture){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    f.server = fake_server_start("127.0.0.1:0", &server_events, &f);
    f.loop = beamc_completion_loop_start("test-loop");
    f.channel = beamc_channel_open(fake_server_url(f.server), "worker-1");
    f.stream = beamc_stream_open(f.loop, f.channel, "/test.Service/Stream", &events, &f, QUEUED_BYTES);
    *state = &f;
    AWAIT(&f, f.call != NULL);
    return 0;
}

static int free_fixture(void **state) {
    fixture *f = *state;
    beamc_stream_cancel(f->stream);
    beamc_stream_read(f->stream); /* what was not read stands before the end */
    AWAIT(f, f->num_closed > 0);
    assert_int_equal(f->num_closed, 1);
    assert_false(f->message_after_closed);
    beamc_stream_release(f->stream);
    beamc_channel_close(f->channel);
    beamc_completion_loop_stop(f->loop);
    fake_server_stop(f->server);
    return 0;
}

static beamc_status write_text(fixture *f, const char *text) {
    return beamc_stream_write(f->stream, (const uint8_t *)text, strlen(text));
}

static void send_text(fixture *f, const char *text) {
    fake_call_write(f->call, (const uint8_t *)text, strlen(text));
}

/* Writes blocks of 1 KiB to a server that does not read until one is refused. */
static void fill(fixture *f) {
    static const uint8_t block[KIB];
    fake_call_hold_reading(f->call, true);
    for (int i = 0; i < 100 * KIB; i++) {
        if (beamc_stream_write(f->stream, block, sizeof block) == BEAMC_LIMIT) {
            pause_ms(5); /* the transport takes some more */
            if (beamc_stream_write(f->stream, block, sizeof block) == BEAMC_LIMIT)
                return;
        }
    }
    fail_msg("100 MiB were taken by a stream that may hold %d bytes", QUEUED_BYTES);
}

static void count(void *context) {
    atomic_fetch_add((atomic_int *)context, 1);
}

/* ---- writing ---- */

static void writes_arrive_in_order_and_carry_the_worker_s_id(void **state) {
    fixture *f = *state;
    size_t num_ids = 0;
    assert_string_equal(fake_call_worker_id(f->call, &num_ids), "worker-1");
    assert_int_equal(num_ids, 1);
    assert_int_equal(write_text(f, "a"), BEAMC_OK);
    assert_int_equal(write_text(f, "b"), BEAMC_OK);
    assert_int_equal(write_text(f, "c"), BEAMC_OK);
    AWAIT(f, f->num_at_server == 3);
    assert_string_equal(f->at_server, "a b c ");
}

static void a_close_comes_after_what_was_written_and_ends_writing(void **state) {
    fixture *f = *state;
    assert_int_equal(write_text(f, "a"), BEAMC_OK);
    beamc_stream_close(f->stream);
    assert_int_equal(write_text(f, "b"), BEAMC_UNAVAILABLE);
    AWAIT(f, f->half_closed);
    assert_string_equal(f->at_server, "a ");
}

static void what_waits_to_be_written_is_bounded_and_room_is_told(void **state) {
    fixture *f = *state;
    atomic_int first = 0;
    atomic_int second = 0;
    assert_int_equal(beamc_stream_await_room(f->stream, count, &first), BEAMC_ROOM_HERE);
    fill(f);
    assert_false(beamc_stream_has_room(f->stream));
    assert_int_equal(beamc_stream_await_room(f->stream, count, &first), BEAMC_ROOM_LATER);
    assert_int_equal(beamc_stream_await_room(f->stream, count, &first), BEAMC_ROOM_ASKED_BEFORE);
    assert_int_equal(beamc_stream_await_room(f->stream, count, &second), BEAMC_ROOM_LATER);
    assert_int_equal(beamc_stream_wait_written(f->stream, 20), BEAMC_LIMIT);
    assert_int_equal(first + second, 0);
    fake_call_hold_reading(f->call, false);
    AWAIT(f, atomic_load(&first) == 1 && atomic_load(&second) == 1);
    assert_int_equal(beamc_stream_wait_written(f->stream, WAIT_MS), BEAMC_OK);
    assert_int_equal(beamc_stream_wait_writable(f->stream, 0), BEAMC_OK);
    assert_true(beamc_stream_has_room(f->stream));
    assert_int_equal(first + second, 2);
}

static void the_end_of_the_stream_is_told_to_who_waits_for_room(void **state) {
    fixture *f = *state;
    atomic_int told = 0;
    fill(f);
    assert_int_equal(beamc_stream_await_room(f->stream, count, &told), BEAMC_ROOM_LATER);
    fake_call_break(f->call, FAKE_STATUS_UNAVAILABLE, "gone");
    AWAIT(f, atomic_load(&told) == 1);
    assert_int_equal(beamc_stream_await_room(f->stream, count, &told), BEAMC_ROOM_HERE);
    assert_int_equal(write_text(f, "late"), BEAMC_UNAVAILABLE);
    assert_int_equal(beamc_stream_wait_writable(f->stream, WAIT_MS), BEAMC_UNAVAILABLE);
    assert_int_equal(told, 1);
}

/* ---- reading ---- */

static void nothing_is_read_that_was_not_asked_for(void **state) {
    fixture *f = *state;
    send_text(f, "a");
    send_text(f, "b");
    pause_ms(50);
    pthread_mutex_lock(&f->lock);
    assert_int_equal(f->num_at_client, 0);
    pthread_mutex_unlock(&f->lock);
    beamc_stream_read(f->stream);
    AWAIT(f, f->num_at_client == 1);
    pause_ms(30);
    pthread_mutex_lock(&f->lock);
    assert_int_equal(f->num_at_client, 1);
    pthread_mutex_unlock(&f->lock);
    beamc_stream_read(f->stream);
    AWAIT(f, f->num_at_client == 2);
    assert_string_equal(f->at_client, "a b ");
}

static void a_second_demand_beside_an_open_one_is_none(void **state) {
    fixture *f = *state;
    beamc_stream_read(f->stream);
    beamc_stream_read(f->stream);
    send_text(f, "a");
    send_text(f, "b");
    AWAIT(f, f->num_at_client == 1);
    pause_ms(30);
    pthread_mutex_lock(&f->lock);
    assert_int_equal(f->num_at_client, 1);
    pthread_mutex_unlock(&f->lock);
}

static void all_messages_come_before_the_end_of_the_stream(void **state) {
    fixture *f = *state;
    pthread_mutex_lock(&f->lock);
    f->read_on = true;
    pthread_mutex_unlock(&f->lock);
    send_text(f, "a");
    send_text(f, "b");
    send_text(f, "c");
    fake_call_finish(f->call, FAKE_STATUS_OK, "");
    beamc_stream_read(f->stream);
    AWAIT(f, f->num_closed == 1);
    assert_string_equal(f->at_client, "a b c ");
    assert_int_equal(f->closed_status, 0);
}

/* ---- ends ---- */

static void an_end_with_an_error_has_its_code_and_words(void **state) {
    fixture *f = *state;
    beamc_stream_read(f->stream);
    fake_call_finish(f->call, FAKE_STATUS_INTERNAL, "these words");
    AWAIT(f, f->num_closed == 1);
    assert_int_equal(f->closed_status, FAKE_STATUS_INTERNAL);
    assert_string_equal(f->closed_details, "these words");
}

static void a_cancelled_stream_tells_its_end_once(void **state) {
    fixture *f = *state;
    beamc_stream_read(f->stream);
    beamc_stream_cancel(f->stream);
    beamc_stream_cancel(f->stream);
    AWAIT(f, f->num_closed == 1);
    assert_int_equal(f->closed_status, 1); /* CANCELLED */
    AWAIT(f, f->call_ended);
    assert_true(f->call_cancelled);
}

static void an_orderly_end_waits_for_the_other_side(void **state) {
    fixture *f = *state;
    beamc_stream_read(f->stream);
    assert_int_equal(write_text(f, "last"), BEAMC_OK);
    fake_call_finish(f->call, FAKE_STATUS_OK, "");
    beamc_stream_end(f->stream, WAIT_MS);
    AWAIT(f, f->num_closed == 1);
    assert_int_equal(f->closed_status, 0);
}

static void an_orderly_end_that_the_other_side_does_not_join_becomes_a_cancel(void **state) {
    fixture *f = *state;
    uint64_t before_ms = beamc_clock_ms();
    beamc_stream_read(f->stream);
    beamc_stream_end(f->stream, 50);
    assert_in_range(beamc_clock_ms() - before_ms, 49, 5000);
    AWAIT(f, f->num_closed == 1);
    assert_int_equal(f->closed_status, 1);
}

static void a_stream_to_nobody_ends_with_an_error(void **state) {
    static const beamc_stream_events events = {.message = message_at_client, .closed = closed};
    fixture *f = *state;
    static fixture lonely;
    lonely = (fixture){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    beamc_channel *channel = beamc_channel_open("127.0.0.1:1", "worker-1");
    lonely.stream = beamc_stream_open(f->loop, channel, "/test.Service/Stream", &events, &lonely, QUEUED_BYTES);
    AWAIT(&lonely, lonely.num_closed == 1);
    assert_int_equal(lonely.closed_status, FAKE_STATUS_UNAVAILABLE);
    beamc_stream_release(lonely.stream);
    beamc_channel_close(channel);
}

static void a_stream_outlives_its_opener_s_reference_while_another_is_held(void **state) {
    fixture *f = *state;
    beamc_stream_retain(f->stream);
    beamc_stream_release(f->stream);
    assert_int_equal(write_text(f, "a"), BEAMC_OK);
    AWAIT(f, f->num_at_server == 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(writes_arrive_in_order_and_carry_the_worker_s_id),
        CASE(a_close_comes_after_what_was_written_and_ends_writing),
        CASE(what_waits_to_be_written_is_bounded_and_room_is_told),
        CASE(the_end_of_the_stream_is_told_to_who_waits_for_room),
        CASE(nothing_is_read_that_was_not_asked_for),
        CASE(a_second_demand_beside_an_open_one_is_none),
        CASE(all_messages_come_before_the_end_of_the_stream),
        CASE(an_end_with_an_error_has_its_code_and_words),
        CASE(a_cancelled_stream_tells_its_end_once),
        CASE(an_orderly_end_waits_for_the_other_side),
        CASE(an_orderly_end_that_the_other_side_does_not_join_becomes_a_cancel),
        CASE(a_stream_to_nobody_ends_with_an_error),
        CASE(a_stream_outlives_its_opener_s_reference_while_another_is_held),
    };
    return cmocka_run_group_tests_name("bidi_stream", tests, NULL, NULL);
}
