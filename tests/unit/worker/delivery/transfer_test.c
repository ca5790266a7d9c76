#include "worker/delivery/transfer.h"

#include "tests/support/check.h"

#include <stdlib.h>

static const tecton_request_frame frame = {.head = "<",
                                           .head_len = 1,
                                           .before_record = "(",
                                           .before_record_len = 1,
                                           .after_record = ")",
                                           .after_record_len = 1,
                                           .tail = ">",
                                           .tail_len = 1};
static const uint32_t starts[] = {1, 5, 9, 13};

/* Records of one letter: "<(a),(b)>". */
static tecton_delivery_request request_of(const char *body, uint32_t num_records) {
    return (tecton_delivery_request){
        .body = (const uint8_t *)body, .body_len = strlen(body), .num_records = num_records, .record_starts = starts};
}

static void check_body(const tecton_transfer *transfer, const char *body) {
    char text[64] = "";
    memcpy(text, transfer->body, transfer->body_len);
    assert_string_equal(text, body);
}

static void a_whole_request_keeps_its_own_bytes(void **state) {
    (void)state;
    tecton_delivery_request request = request_of("<(a),(b)>", 2);
    tecton_transfer transfer = {0};
    tecton_transfer_of_request(&transfer, &request);
    assert_ptr_equal(transfer.body, request.body);
    assert_int_equal(transfer.num_records, 2);
    assert_int_equal(transfer.num_slices, 1);
    tecton_transfer_clear(&transfer);
}

static void slices_of_several_requests_become_one_body(void **state) {
    (void)state;
    tecton_delivery_request first = request_of("<(a),(b),(c)>", 3);
    tecton_delivery_request second = request_of("<(d)>", 1);
    const tecton_slice slices[] = {{.request = &first, .first_record = 1, .num_records = 2},
                                   {.request = &second, .num_records = 1},
                                   {.request = &first, .num_records = 1}};
    tecton_transfer transfer = {0};
    tecton_transfer_of_slices(&transfer, slices, 3, &frame);
    check_body(&transfer, "<(b),(c),(d),(a)>");
    assert_int_equal(transfer.num_records, 4);
    assert_int_equal(transfer.num_live_slices, 3);
    tecton_transfer_clear(&transfer);
}

static void a_cut_follows_the_records_through_the_slices(void **state) {
    (void)state;
    tecton_delivery_request first = request_of("<(a),(b),(c)>", 3);
    tecton_delivery_request second = request_of("<(d),(e)>", 2);
    const tecton_slice slices[] = {{.request = &first, .num_records = 3}, {.request = &second, .num_records = 2}};
    tecton_transfer transfer = {0};
    tecton_transfer_of_slices(&transfer, slices, 2, &frame);
    tecton_slice cut[2];
    assert_int_equal(tecton_transfer_cut(&transfer, 2, 2, cut), 2);
    assert_ptr_equal(cut[0].request, &first);
    assert_int_equal(cut[0].first_record, 2);
    assert_int_equal(cut[0].num_records, 1);
    assert_ptr_equal(cut[1].request, &second);
    assert_int_equal(cut[1].first_record, 0);
    assert_int_equal(cut[1].num_records, 1);
    tecton_transfer half = {0};
    tecton_transfer_of_slices(&half, cut, 2, &frame);
    check_body(&half, "<(c),(d)>");
    tecton_transfer_clear(&half);
    transfer.slices[0].request = NULL; /* its bundle is gone */
    assert_int_equal(tecton_transfer_cut(&transfer, 0, 3, cut), 0);
    assert_int_equal(tecton_transfer_cut(&transfer, 2, 3, cut), 1);
    assert_ptr_equal(cut[0].request, &second);
    assert_int_equal(cut[0].num_records, 2);
    tecton_transfer_clear(&transfer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_request_keeps_its_own_bytes),
        cmocka_unit_test(slices_of_several_requests_become_one_body),
        cmocka_unit_test(a_cut_follows_the_records_through_the_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
