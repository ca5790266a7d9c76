/* Opens the files of traces that a variable of the worker's environment asks for. */
#ifndef WORKER_DELIVERY_TRACE_FILE_H
#define WORKER_DELIVERY_TRACE_FILE_H

#include <stdio.h>

/* tecton_trace_file_open: the file that `variable` names, to append to, each line in one write, so that several writers
 * do not mix theirs. NULL when the variable is not set, or with a log line when the file cannot be written. */
FILE *tecton_trace_file_open(const char *variable);

#endif
