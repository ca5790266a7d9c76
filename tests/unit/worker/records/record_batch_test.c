#include "worker/records/record_batch.h"

#include "tests/support/check.h"

static const tecton_request_frame frame = {.head = "{\"r\":[",
                                           .head_len = 6,
                                           .before_record = "<",
                                           .before_record_len = 1,
                                           .after_record = ">",
                                           .after_record_len = 1,
                                           .tail = "]}",
                                           .tail_len = 2};

static tecton_record_batch batch_of(uint32_t max_records, size_t max_body_bytes, uint64_t linger_ms) {
    tecton_record_batch batch;
    tecton_batch_limits limits = {.max_records = max_records, .max_body_bytes = max_body_bytes, .linger_ms = linger_ms};
    tecton_record_batch_init(&batch, &frame, &limits);
    return batch;
}

static tecton_batch_result add(tecton_record_batch *batch, const char *json, uint64_t now_ms) {
    return tecton_record_batch_add(batch, (const uint8_t *)json, strlen(json), now_ms);
}

static void check_body(const tecton_record_batch *batch, const char *body) {
    assert_int_equal(batch->body.len, strlen(body));
    assert_memory_equal(batch->body.data, body, strlen(body));
}

static void a_closed_batch_is_a_whole_body(void **state) {
    (void)state;
    tecton_record_batch batch = batch_of(3, 1000, 10);
    assert_int_equal(add(&batch, "1", 0), TECTON_BATCH_ADDED);
    assert_int_equal(add(&batch, "22", 0), TECTON_BATCH_ADDED);
    tecton_record_batch_close(&batch);
    check_body(&batch, "{\"r\":[<1>,<22>]}");
    tecton_record_batch_cleanup(&batch);
}

static void it_is_full_at_its_count(void **state) {
    (void)state;
    tecton_record_batch batch = batch_of(2, 1000, 10);
    assert_int_equal(add(&batch, "1", 0), TECTON_BATCH_ADDED);
    assert_false(tecton_record_batch_is_full(&batch));
    assert_int_equal(add(&batch, "2", 0), TECTON_BATCH_ADDED);
    assert_true(tecton_record_batch_is_full(&batch));
    assert_int_equal(add(&batch, "3", 0), TECTON_BATCH_FULL);
    assert_int_equal(batch.num_records, 2);
    tecton_record_batch_close(&batch);
    check_body(&batch, "{\"r\":[<1>,<2>]}"); /* FULL changed nothing */
    tecton_record_batch_cleanup(&batch);
}

static void it_is_full_at_its_bytes_to_the_byte(void **state) {
    (void)state;
    const size_t exact = strlen("{\"r\":[<1>,<22>]}");
    tecton_record_batch batch = batch_of(10, exact, 10);
    assert_int_equal(add(&batch, "1", 0), TECTON_BATCH_ADDED);
    assert_int_equal(add(&batch, "333", 0), TECTON_BATCH_FULL);
    assert_int_equal(add(&batch, "22", 0), TECTON_BATCH_ADDED);
    tecton_record_batch_close(&batch);
    assert_int_equal(batch.body.len, exact);
    assert_false(batch.body.failed);
    tecton_record_batch_cleanup(&batch);
}

static void a_record_that_never_fits_is_too_big(void **state) {
    (void)state;
    const size_t exact = strlen("{\"r\":[<4444>]}");
    tecton_record_batch batch = batch_of(10, exact, 10);
    assert_int_equal(add(&batch, "55555", 0), TECTON_BATCH_TOO_BIG);
    assert_int_equal(batch.num_records, 0);
    assert_int_equal(batch.body.len, 0);
    assert_int_equal(add(&batch, "4444", 0), TECTON_BATCH_ADDED);
    assert_int_equal(add(&batch, "55555", 0), TECTON_BATCH_TOO_BIG); /* not FULL: no empty batch takes it */
    tecton_record_batch_cleanup(&batch);
    batch = batch_of(10, 3, 10); /* not even the frame fits */
    assert_int_equal(add(&batch, "", 0), TECTON_BATCH_TOO_BIG);
    tecton_record_batch_cleanup(&batch);
}

static void age_counts_from_the_first_record(void **state) {
    (void)state;
    tecton_record_batch batch = batch_of(10, 1000, 10);
    assert_true(tecton_record_batch_due_ms(&batch) == UINT64_MAX);
    assert_int_equal(add(&batch, "1", 500), TECTON_BATCH_ADDED);
    assert_int_equal(tecton_record_batch_due_ms(&batch), 510);
    assert_int_equal(add(&batch, "2", 507), TECTON_BATCH_ADDED);
    assert_int_equal(tecton_record_batch_due_ms(&batch), 510);
    tecton_record_batch_clear(&batch);
    assert_true(tecton_record_batch_due_ms(&batch) == UINT64_MAX);
    assert_int_equal(add(&batch, "3", 600), TECTON_BATCH_ADDED);
    assert_int_equal(tecton_record_batch_due_ms(&batch), 610);
    tecton_record_batch_cleanup(&batch);
    batch = batch_of(10, 1000, 0);
    assert_int_equal(add(&batch, "1", 500), TECTON_BATCH_ADDED);
    assert_true(tecton_record_batch_due_ms(&batch) == UINT64_MAX); /* linger 0: age never closes it */
    tecton_record_batch_cleanup(&batch);
}

static void a_closed_batch_can_be_opened_again(void **state) {
    (void)state;
    tecton_record_batch batch = batch_of(10, 1000, 10);
    assert_int_equal(add(&batch, "1", 0), TECTON_BATCH_ADDED);
    tecton_record_batch_close(&batch);
    tecton_record_batch_reopen(&batch);
    assert_int_equal(add(&batch, "2", 0), TECTON_BATCH_ADDED);
    tecton_record_batch_close(&batch);
    check_body(&batch, "{\"r\":[<1>,<2>]}");
    tecton_record_batch_cleanup(&batch);
}

static void a_cleared_batch_starts_over_in_the_same_memory(void **state) {
    (void)state;
    tecton_record_batch batch = batch_of(10, 1000, 10);
    assert_int_equal(add(&batch, "1", 0), TECTON_BATCH_ADDED);
    const uint8_t *memory = batch.body.data;
    tecton_record_batch_clear(&batch);
    assert_int_equal(add(&batch, "2", 0), TECTON_BATCH_ADDED);
    tecton_record_batch_close(&batch);
    check_body(&batch, "{\"r\":[<2>]}");
    assert_ptr_equal(batch.body.data, memory);
    tecton_record_batch_cleanup(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_batch_is_a_whole_body),
        cmocka_unit_test(it_is_full_at_its_count),
        cmocka_unit_test(it_is_full_at_its_bytes_to_the_byte),
        cmocka_unit_test(a_record_that_never_fits_is_too_big),
        cmocka_unit_test(age_counts_from_the_first_record),
        cmocka_unit_test(a_closed_batch_can_be_opened_again),
        cmocka_unit_test(a_cleared_batch_starts_over_in_the_same_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
