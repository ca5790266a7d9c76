#include "worker/delivery/trace_file.h"

#include "sdk_harness/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

FILE *tecton_trace_file_open(const char *variable) {
    const char *path = getenv(variable);
    if (path == NULL)
        return NULL;
    FILE *file = fopen(path, "ae");
    if (file == NULL) {
        log_warn("%s names %s, which cannot be written: %s", variable, path, strerror(errno));
        return NULL;
    }
    (void)setvbuf(file, NULL, _IOLBF, BUFSIZ);
    return file;
}
