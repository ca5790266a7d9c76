/**
 * Writes {@code PCollection}s of Beam rows to a stream source of Tecton's Stream Ingest API. {@link beamtecton.TectonIO} is where to
 * begin.
 */
package beamtecton;
