#include "worker/config/secret.h"

#include "tests/support/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char file_path[256];

static char *file_with(const void *bytes, size_t len) {
    static char reference[300];
    const char *folder = getenv("TEST_TMPDIR");
    (void)snprintf(file_path, sizeof file_path, "%s/secret_test.XXXXXX", folder == NULL ? "/tmp" : folder);
    int file = mkstemp(file_path);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, len), (ssize_t)len);
    assert_int_equal(close(file), 0);
    (void)snprintf(reference, sizeof reference, "file:%s", file_path);
    return reference;
}

static int remove_file(void **state) {
    (void)state;
    if (file_path[0] != '\0')
        (void)unlink(file_path);
    file_path[0] = '\0';
    return 0;
}

static void check_value(const char *text, const char *value) {
    tecton_secret secret;
    beamc_error err = {{0}};
    if (tecton_secret_resolve(text, &secret, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(secret.value, value);
    assert_int_equal(secret.len, strlen(value));
    tecton_secret_release(&secret);
    assert_null(secret.value);
}

static void check_refused(const char *text, beamc_status status, const char *words, const char *never) {
    tecton_secret secret;
    beamc_error err = {{0}};
    assert_int_equal(tecton_secret_resolve(text, &secret, &err), status);
    assert_null(secret.value);
    assert_contains(err.text, words);
    if (never != NULL)
        assert_lacks(err.text, never);
}

static void a_literal_is_itself(void **state) {
    (void)state;
    check_value("3f9c0a-literal", "3f9c0a-literal");
    assert_false(tecton_secret_is_reference("3f9c0a-literal"));
}

static void a_variable_is_read_when_resolved(void **state) {
    (void)state;
    setenv("SECRET_TEST_KEY", "from-env", 1);
    check_value("env:SECRET_TEST_KEY", "from-env");
    setenv("SECRET_TEST_KEY", "rotated", 1);
    check_value("env:SECRET_TEST_KEY", "rotated");
    unsetenv("SECRET_TEST_KEY");
    check_refused("env:SECRET_TEST_KEY", BEAMC_UNAVAILABLE, "env:SECRET_TEST_KEY", NULL);
}

static void a_file_may_end_with_one_line_end(void **state) {
    (void)state;
    check_value(file_with("from-file", 9), "from-file");
    remove_file(NULL);
    check_value(file_with("from-file\n", 10), "from-file");
    remove_file(NULL);
    check_value(file_with("from-file\r\n", 11), "from-file");
}

static void a_missing_or_unreadable_file_is_named(void **state) {
    (void)state;
    check_refused("file:/no/such/file", BEAMC_UNAVAILABLE, "file:/no/such/file", NULL);
    check_refused("file:/tmp", BEAMC_INVALID, "not a regular file", NULL);
}

static void values_that_would_break_a_header_are_refused_unseen(void **state) {
    (void)state;
    check_refused(file_with("line-one\nline-two\n", 18), BEAMC_INVALID, "byte 8", "line-one");
    remove_file(NULL);
    check_refused(file_with("carriage\rreturn", 15), BEAMC_INVALID, "byte 8", "carriage");
    remove_file(NULL);
    check_refused(file_with("nul\0byte", 8), BEAMC_INVALID, "byte 3", "byte\"");
    remove_file(NULL);
    check_refused(file_with("with space", 10), BEAMC_INVALID, "byte 4", "with space");
    remove_file(NULL);
    check_refused(file_with("caf\xc3\xa9", 5), BEAMC_INVALID, "byte 3", "caf");
    setenv("SECRET_TEST_KEY", "evil\r\nX-Header: 1", 1);
    check_refused("env:SECRET_TEST_KEY", BEAMC_INVALID, "byte 4", "evil");
    check_refused("literal\nkey", BEAMC_INVALID, "a literal", "literal\nkey");
}

static void empty_values_are_refused(void **state) {
    (void)state;
    setenv("SECRET_TEST_KEY", "", 1);
    check_refused("env:SECRET_TEST_KEY", BEAMC_INVALID, "empty", NULL);
    check_refused(file_with("", 0), BEAMC_INVALID, "empty", NULL);
    remove_file(NULL);
    check_refused(file_with("\n", 1), BEAMC_INVALID, "empty", NULL);
}

static void the_size_is_bounded(void **state) {
    (void)state;
    char *big = malloc(5000);
    assert_non_null(big);
    memset(big, 'k', 5000);
    big[TECTON_MAX_SECRET_BYTES] = '\n';
    tecton_secret secret;
    assert_int_equal(tecton_secret_resolve(file_with(big, TECTON_MAX_SECRET_BYTES + 1), &secret, NULL), BEAMC_OK);
    assert_int_equal(secret.len, TECTON_MAX_SECRET_BYTES);
    tecton_secret_release(&secret);
    remove_file(NULL);
    big[TECTON_MAX_SECRET_BYTES] = 'k';
    check_refused(file_with(big, TECTON_MAX_SECRET_BYTES + 1), BEAMC_INVALID, "longer than 4096", "kkkk");
    remove_file(NULL);
    check_refused(file_with(big, 5000), BEAMC_INVALID, "longer than 4096", "kkkk");
    big[4999] = '\0';
    setenv("SECRET_TEST_KEY", big, 1);
    check_refused("env:SECRET_TEST_KEY", BEAMC_INVALID, "longer than 4096", "kkkk");
    free(big);
}

static void references_are_checked_by_their_form(void **state) {
    (void)state;
    assert_non_null(tecton_secret_fault("env:", 4));
    assert_non_null(tecton_secret_fault("env:A=B", 7));
    assert_null(tecton_secret_fault("env:A", 5));
    assert_non_null(tecton_secret_fault("file:relative", 13));
    assert_non_null(tecton_secret_fault("file:", 5));
    assert_null(tecton_secret_fault("file:/a", 7));
    assert_true(tecton_secret_is_reference("type:GcpSecret;version_name:projects/p/secrets/s/versions/1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_literal_is_itself),
        cmocka_unit_test(a_variable_is_read_when_resolved),
        cmocka_unit_test_teardown(a_file_may_end_with_one_line_end, remove_file),
        cmocka_unit_test(a_missing_or_unreadable_file_is_named),
        cmocka_unit_test_teardown(values_that_would_break_a_header_are_refused_unseen, remove_file),
        cmocka_unit_test_teardown(empty_values_are_refused, remove_file),
        cmocka_unit_test_teardown(the_size_is_bounded, remove_file),
        cmocka_unit_test(references_are_checked_by_their_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
