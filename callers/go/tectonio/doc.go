// Package tectonio writes PCollections of structs to a stream source of Tecton's Stream Ingest API.
//
// A step is made with [Write]. It runs in a native worker: the program beam-tecton, which this package finds, or is given
// the address of, and starts. Delivery is at least once: a bundle succeeds only when Tecton acknowledged each of its rows,
// and a row that is sent again replaces itself (same keys, same timestamp).
//
// # Rows
//
// The elements are structs, or pointers to structs, whose fields are the columns of the stream source. A field's column is
// its name, or what its tag says:
//
//	type Purchase struct {
//		UserID    string    `beam:"user_id"`
//		Amount    *float64  `beam:"amount"` // a nil pointer is null
//		EventTime time.Time `beam:"event_time"`
//	}
//
// Slices, maps with string keys and structs are arrays, maps and structs of Tecton. Every field has to be exported, since
// Beam drops the others from the schema but not from the rows. Channels, functions, interfaces and complex numbers are
// refused.
//
// # The program
//
// beam-tecton is sought in the environment variable BEAM_TECTON_BINARY, beside the executable that runs, in the build output
// of a source tree that this package is part of, and in PATH; it must have this package's [Version]. One process serves all
// pipelines of a program and ends with it, and so do the workers that it starts for local runners. A job that must outlive
// the program needs EnvironmentType("PROCESS") and the program on the machines that run it. [ExpansionService] names a
// service that runs already.
//
// # Limits of Beam
//
// On Flink a negative field of type int32 fails inside the runner ("varint overflow"), because Go writes it in ten bytes and
// the runner reads five: use int64 or int.
package tectonio
