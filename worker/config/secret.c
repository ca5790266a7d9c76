#include "worker/config/secret.h"

#include "sdk_harness/base/alloc.h"
#include "worker/config/gcp_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool starts_with(const char *text, size_t len, const char *prefix) {
    size_t prefix_len = strlen(prefix);
    return len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

bool tecton_secret_is_reference(const char *text) {
    size_t len = strlen(text);
    return starts_with(text, len, "env:") || starts_with(text, len, "file:") || starts_with(text, len, "type:");
}

const char *tecton_secret_fault(const char *text, size_t len) {
    if (starts_with(text, len, "env:")) {
        if (len == 4)
            return "a reference without a name: write env:NAME";
        if (memchr(text, '=', len) != NULL || memchr(text, ' ', len) != NULL)
            return "a reference to a name that no environment variable can have: write env:NAME";
        return NULL;
    }
    if (starts_with(text, len, "file:"))
        return len > 5 && text[5] == '/' ? NULL : "a reference without an absolute path: write file:/path";
    if (starts_with(text, len, "type:")) {
        const char *name = NULL;
        size_t name_len = 0;
        if (tecton_gcp_secret_name(text, len, &name, &name_len))
            return NULL;
        return "a reference of a kind that the worker cannot read: write "
               "type:GcpSecret;version_name:projects/PROJECT/secrets/NAME/versions/VERSION, env:NAME or file:/path";
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
            return "which has a space, a control character or a non-ASCII letter in it";
    }
    return NULL;
}

/* A header's value must not end the header: RFC 9110 section 5.5. Spaces are refused too, as keys have none. */
static beamc_status check_value(const tecton_secret *secret, const char *reference, beamc_error *err) {
    if (secret->len == 0)
        return beamc_fail(err, BEAMC_INVALID, "the key that api_key refers to (%s) is empty", reference);
    for (size_t i = 0; i < secret->len; i++) {
        unsigned char c = (unsigned char)secret->value[i];
        if (c <= ' ' || c >= 0x7f)
            return beamc_fail(err, BEAMC_INVALID,
                              "the key that api_key refers to (%s) has a space, a line break, a control character or a "
                              "non-ASCII letter at byte %zu: it must be one line with the key alone",
                              reference, i);
    }
    return BEAMC_OK;
}

static beamc_status resolve_env(const char *reference, tecton_secret *secret, beamc_error *err) {
    const char *value = getenv(reference + 4);
    if (value == NULL)
        return beamc_fail(
            err, BEAMC_UNAVAILABLE,
            "api_key refers to %s, but the worker's environment has no such variable. Set it where the worker "
            "is started, or use file:/path",
            reference);
    size_t len = strnlen(value, TECTON_MAX_SECRET_BYTES + 1);
    if (len > TECTON_MAX_SECRET_BYTES)
        return beamc_fail(err, BEAMC_INVALID, "the key that api_key refers to (%s) is longer than %d bytes", reference,
                          TECTON_MAX_SECRET_BYTES);
    secret->value = beamc_strndup(value, len);
    secret->len = len;
    return BEAMC_OK;
}

static beamc_status resolve_file(const char *reference, tecton_secret *secret, beamc_error *err) {
    static const char *const advice = "Check that the file is there on the worker and that its user may read it";
    int file = open(reference + 5, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would hang */
    struct stat about;
    if (file < 0 || fstat(file, &about) != 0) {
        int why = errno;
        if (file >= 0)
            (void)close(file);
        return beamc_fail(err, BEAMC_UNAVAILABLE, "api_key refers to %s, which cannot be opened: %s. %s", reference,
                          strerror(why), advice);
    }
    if (!S_ISREG(about.st_mode)) {
        (void)close(file);
        return beamc_fail(err, BEAMC_INVALID, "api_key refers to %s, which is not a regular file", reference);
    }
    /* Two bytes more than a key may have: room for a line end, and to notice what is too long. */
    char *value = beamc_alloc_zero(1, TECTON_MAX_SECRET_BYTES + 3);
    size_t len = 0;
    ssize_t got = 0;
    while (len < TECTON_MAX_SECRET_BYTES + 2 && (got = read(file, value + len, TECTON_MAX_SECRET_BYTES + 2 - len)) > 0)
        len += (size_t)got;
    int why = errno;
    (void)close(file);
    secret->value = value;
    secret->len = len;
    if (got < 0)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "api_key refers to %s, which cannot be read: %s. %s", reference,
                          strerror(why), advice);
    if (len > 0 && value[len - 1] == '\n')
        value[--len] = '\0';
    if (len > 0 && value[len - 1] == '\r')
        value[--len] = '\0';
    secret->len = len;
    if (len > TECTON_MAX_SECRET_BYTES)
        return beamc_fail(err, BEAMC_INVALID, "the key that api_key refers to (%s) is longer than %d bytes", reference,
                          TECTON_MAX_SECRET_BYTES);
    return BEAMC_OK;
}

beamc_status tecton_secret_resolve(const char *text, tecton_secret *secret, beamc_error *err) {
    *secret = (tecton_secret){0};
    size_t len = strlen(text);
    const char *fault = tecton_secret_fault(text, len);
    bool is_reference = tecton_secret_is_reference(text);
    if (fault != NULL)
        return beamc_fail(err, BEAMC_INVALID, "option api_key (%s) is %s", is_reference ? text : "a literal", fault);
    beamc_status status = BEAMC_OK;
    if (starts_with(text, len, "env:")) {
        status = resolve_env(text, secret, err);
    } else if (starts_with(text, len, "file:")) {
        status = resolve_file(text, secret, err);
    } else if (starts_with(text, len, "type:")) {
        status = tecton_gcp_secret_resolve(text, secret, err);
    } else {
        secret->value = beamc_strndup(text, len);
        secret->len = len;
    }
    if (status == BEAMC_OK)
        status = check_value(secret, is_reference ? text : "a literal", err);
    if (status != BEAMC_OK)
        tecton_secret_release(secret);
    return status;
}

tecton_secret_version tecton_secret_version_of(const char *text) {
    tecton_secret_version version = {.is_file = starts_with(text, strlen(text), "file:")};
    struct stat about;
    if (version.is_file && stat(text + 5, &about) == 0) {
        version.device = about.st_dev;
        version.inode = about.st_ino;
        version.size = (uint64_t)about.st_size;
        version.modified_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec;
    }
    return version;
}

bool tecton_secret_version_equal(const tecton_secret_version *a, const tecton_secret_version *b) {
    return a->is_file == b->is_file && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns;
}

void tecton_secret_release(tecton_secret *secret) {
    if (secret->value != NULL) {
        explicit_bzero(secret->value, secret->len);
        free(secret->value);
    }
    *secret = (tecton_secret){0};
}
