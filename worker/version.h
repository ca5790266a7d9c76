/* The version of the executable; the Python package has the same one, and a test compares them. */
#ifndef WORKER_VERSION_H
#define WORKER_VERSION_H

#define TECTON_VERSION "0.1.0"

#endif
