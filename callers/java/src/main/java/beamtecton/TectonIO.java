package beamtecton;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.beam.sdk.options.PortablePipelineOptions;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.display.DisplayData;
import org.apache.beam.sdk.util.construction.External;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionRowTuple;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.sdk.values.TupleTag;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes rows to a stream source of Tecton's Stream Ingest API.
 *
 * <pre>{@code
 * PCollection<Row> purchases = ...; // with a schema: the fields are the columns of the stream source
 * purchases.apply(
 *     TectonIO.writeRows()
 *         .withTectonInstance("acme.tecton.ai")
 *         .withApiKey("env:TECTON_API_KEY")
 *         .withWorkspaceName("prod")
 *         .withStreamSourceName("purchases"));
 * }</pre>
 *
 * <p>Delivery is at least once: a bundle succeeds only when Tecton acknowledged each of its rows, and a row that is sent again replaces
 * itself (same keys, same timestamp). Elements of a class with a Beam schema become rows with {@code Convert.toRows()}.
 *
 * <p>The step runs in a native worker, the program {@code beam-tecton}, which this class finds and starts as expansion service, or is
 * given the address of. It is sought in the environment variable {@code BEAM_TECTON_BINARY}, beside the jar of this class, in the build
 * output of a source tree that the class is part of, and in {@code PATH}; it must have this class's {@link #VERSION}. One process serves
 * all pipelines of a JVM and ends with it, and so do the workers that it starts for local runners. A job that must outlive the JVM needs
 * {@link WriteRows#withEnvironmentType withEnvironmentType("PROCESS")} and the program on the machines that run it. Beam's classic
 * Java DirectRunner cannot run transforms of other languages; Prism, Flink and other portable runners can.
 */
public final class TectonIO {
  /** The version of this package; the program {@code beam-tecton} that it starts must have the same one. */
  public static final String VERSION = "0.1.0";

  /**
   * The output with one row for each request that Tecton acknowledged, bundle and window: {@code records}, {@code attempts}, {@code
   * status}, {@code latency_ms}, {@code first_event_time}, {@code last_event_time}. Later steps can wait for it with {@code Wait.on}.
   */
  public static final String WRITTEN = "written";

  private TectonIO() {}

  /** A write without options; it needs at least those of the class's example. */
  public static WriteRows writeRows() {
    return new WriteRows(Collections.emptyMap(), null);
  }

  /**
   * Writes rows; see {@link TectonIO}. Names of the options are those of Beam's other languages; the table of all, with ranges and
   * defaults, is printed by {@code beam-tecton options}.
   *
   * <p>The result has the output {@link TectonIO#WRITTEN} and, with {@link #withErrorHandling}, the one named there, whose rows have
   * {@code failed_row}, {@code error_message}, {@code status}, {@code error_class}, {@code attempts} and {@code possibly_stored}.
   *
   * <p>Applying it throws an IllegalArgumentException that says which option, or which field of the rows, was refused and what to
   * change, and an IllegalStateException when the program is missing or broken.
   */
  public static final class WriteRows extends PTransform<PCollection<Row>, PCollectionRowTuple> {
    private static final Logger LOG = LoggerFactory.getLogger(WriteRows.class);
    private static final String URN = "beam_tecton:transform:stream_write:v1";
    private static final String REFUSAL = "expansion service error: "; // what Beam puts before the service's words
    private static final AtomicBoolean WARNED = new AtomicBoolean();

    private final transient Map<String, Object> options; // in the order given
    private final transient String expansionService;

    private WriteRows(Map<String, Object> options, String expansionService) {
      this.options = options;
      this.expansionService = expansionService;
    }

    /** Host name of the Tecton account: no scheme, no path. Required unless {@link #withEndpointUrl} is given. */
    public WriteRows withTectonInstance(String host) {
      return with("tecton_instance", host);
    }

    /**
     * Key of a service account with the role Editor on the workspace, best as a reference that the worker resolves: {@code env:NAME} (a
     * variable of the worker's environment), {@code file:/path} (a file on the worker's machine), or {@code
     * type:GcpSecret;version_name:projects/.../versions/...}. The key itself works too, with a warning, since it has to travel in the
     * pipeline's definition. It is in no log, error or display data. Required.
     */
    public WriteRows withApiKey(String key) {
      return with("api_key", key);
    }

    /** Live workspace that holds the stream source. Required. */
    public WriteRows withWorkspaceName(String workspace) {
      return with("workspace_name", workspace);
    }

    /** Stream source that takes the rows. Required. */
    public WriteRows withStreamSourceName(String source) {
      return with("stream_source_name", source);
    }

    /** Records in one request, at most: 1 to 10. Default 10. */
    public WriteRows withBatchSize(int records) {
      return with("batch_size", (long) records);
    }

    /** How often a request that was sent and failed is sent again. Default 3. */
    public WriteRows withMaxRetries(int retries) {
      return with("max_retries", (long) retries);
    }

    /** How long one request may take, from connecting to the answer's last byte. Default 30 s. */
    public WriteRows withTimeout(Duration timeout) {
      return with("timeout", timeout == null ? null : timeout.toNanos() / 1e9);
    }

    /** Whole URL to send to, in place of the one made from the instance. */
    public WriteRows withEndpointUrl(String url) {
      return with("endpoint_url", url);
    }

    /** Whether Tecton only checks the records and writes nothing. Default false. */
    public WriteRows withDryRun(boolean dryRun) {
      return with("dry_run", dryRun);
    }

    /**
     * How many milliseconds a batch that is not full waits for more rows while no input is there; 0 means until the bundle's end.
     * Default 10.
     */
    public WriteRows withLingerMs(int milliseconds) {
      return with("linger_ms", (long) milliseconds);
    }

    /** Most requests under way at one time to one endpoint, for a whole worker process. Default 200. */
    public WriteRows withMaxInFlight(int requests) {
      return with("max_in_flight", (long) requests);
    }

    /** Most records sent in a second to one endpoint, for a whole worker process; 0, the default, means no cap. */
    public WriteRows withMaxRecordsPerSecond(int records) {
      return with("max_records_per_second", (long) records);
    }

    /** How long a request is tried in all, whatever the reason it fails. Default 300. */
    public WriteRows withMaxRetrySeconds(int seconds) {
      return with("max_retry_seconds", (long) seconds);
    }

    /** Name of an output that takes the rows that are refused; without it a refused row fails its bundle. */
    public WriteRows withErrorHandling(String output) {
      return with("error_handling.output", output);
    }

    /**
     * Share of refused rows, above 0 and up to 1, above which bundles fail, counted in each worker process from its 100th row on. Default
     * 1.
     */
    public WriteRows withErrorHandlingThreshold(double share) {
      return with("error_handling.threshold", share);
    }

    /**
     * What becomes of rows whose retries ran out: {@code fail} (default) fails the bundle, {@code dead_letter} gives them to the output of
     * {@link #withErrorHandling}.
     */
    public WriteRows withOnExhausted(String what) {
      return with("on_exhausted", what);
    }

    /**
     * What is checked before the first write: {@code schema} (default) compares the rows' types with what Tecton takes, {@code full} also
     * asks Tecton for a dry run of the first row, {@code off} leaves all to the worker.
     */
    public WriteRows withPreflight(String what) {
      return with("preflight", what);
    }

    /**
     * For how long after its first request a worker process tries again when Tecton does not find the workspace or the source. Default 0.
     */
    public WriteRows withStartupGraceSeconds(int seconds) {
      return with("startup_grace_seconds", (long) seconds);
    }

    /** The source's timestamp column: its presence and type are then checked when this is applied. */
    public WriteRows withTimestampField(String column) {
      return with("timestamp_field", column);
    }

    /** The join keys; with {@link #withTimestampField}, rows of one bundle with equal keys and time are counted. */
    public WriteRows withKeyFields(String... columns) {
      return with("key_fields", String.join(",", columns));
    }

    /** Name of a column to add that holds Beam's event time of each row. */
    public WriteRows withTimestampFromElement(String column) {
      return with("timestamp_from_element", column);
    }

    /** How INT64 values are written: {@code auto} (default), {@code number} or {@code string}. */
    public WriteRows withInt64Encoding(String how) {
      return with("int64_encoding", how);
    }

    /** What becomes of NaN and infinities: {@code reject} (default), {@code null} or {@code string}. */
    public WriteRows withNonFinite(String what) {
      return with("non_finite", what);
    }

    /** How BYTES columns are written: {@code base64} (default) or {@code reject}. */
    public WriteRows withBytesEncoding(String how) {
      return with("bytes_encoding", how);
    }

    /** What becomes of columns whose logical type the sink does not know: {@code refuse} (default) or {@code representation}. */
    public WriteRows withUnknownLogicalTypes(String what) {
      return with(RowTypes.UNKNOWN_LOGICAL_TYPES, what);
    }

    /** PEM file on the worker with the certificates to trust, in place of the system's. */
    public WriteRows withCaFile(String path) {
      return with("ca_file", path);
    }

    /** {@code env} (default: the worker's HTTPS_PROXY and NO_PROXY), {@code none}, or the proxy's URL. */
    public WriteRows withProxy(String proxy) {
      return with("proxy", proxy);
    }

    /** Whether the endpoint may be http:// for a host other than this machine; the key then travels readable. Default false. */
    public WriteRows withAllowInsecure(boolean allow) {
      return with("allow_insecure", allow);
    }

    /**
     * How the runner starts the worker, in Beam's words: {@code PROCESS}, {@code EXTERNAL} or {@code DOCKER}. {@code DEFAULT} lets it
     * choose between a process and the pool that this JVM keeps while it runs.
     */
    public WriteRows withEnvironmentType(String environment) {
      return with("environment_type", environment);
    }

    /** The command, address or image that belongs to {@link #withEnvironmentType}. */
    public WriteRows withEnvironmentConfig(String config) {
      return with("environment_config", config);
    }

    /** Image that holds the worker, for runners that start containers. */
    public WriteRows withContainerImage(String image) {
      return with("container_image", image);
    }

    /**
     * Path of the program {@code beam-tecton} on the machines that run the pipeline, for runners that start the worker as a process;
     * without it, its path on this machine.
     */
    public WriteRows withWorkerCommand(String path) {
      return with("worker_command", path);
    }

    /** host:port of a {@code beam-tecton expansion-service} that runs, in place of one that is started for this JVM. */
    public WriteRows withExpansionService(String address) {
      if (address == null || address.isEmpty()) {
        throw new IllegalArgumentException("The expansion service's address is empty. Give host:port, or leave it out.");
      }
      return new WriteRows(options, address);
    }

    /**
     * An option by its name, as flags and configuration files have it. A name that does not exist is refused when this is applied, with
     * the name that was probably meant.
     *
     * @param value a String, Boolean, Integer, Long, Float or Double
     */
    public WriteRows withOption(String name, Object value) {
      if (name == null || !name.matches("[A-Za-z][A-Za-z0-9_.]*")) {
        throw new IllegalArgumentException("\"" + name + "\" is not the name of an option. `beam-tecton options` prints them all.");
      }
      if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
        return with(name, ((Number) value).longValue());
      }
      if (value instanceof Float) {
        return with(name, ((Number) value).doubleValue());
      }
      return with(name, value);
    }

    private WriteRows with(String name, Object value) {
      boolean plain = value instanceof String || value instanceof Boolean || value instanceof Long || value instanceof Double;
      if (!plain) {
        throw new IllegalArgumentException(
            String.format(
                "Option %s is %s. Give a String, a Boolean, an Integer, a Long or a Double.",
                name, value == null ? "null" : "a " + value.getClass().getName()));
      }
      Map<String, Object> more = new LinkedHashMap<>(options);
      for (String given : options.keySet()) {
        if (folded(given).equals(folded(name))) {
          throw new IllegalArgumentException("Option " + given + " is given twice. Leave one of them out.");
        }
      }
      more.put(name, value);
      return new WriteRows(Collections.unmodifiableMap(more), expansionService);
    }

    /** An option's value, however its name was spelt; null when it is not given. */
    Object option(String name) {
      for (Map.Entry<String, Object> given : options.entrySet()) {
        if (folded(given.getKey()).equals(folded(name))) {
          return given.getValue();
        }
      }
      return null;
    }

    Map<String, Object> options() {
      return options;
    }

    private static String folded(String name) {
      return name.replace("_", "").toLowerCase(Locale.ROOT);
    }

    @Override
    public PCollectionRowTuple expand(PCollection<Row> rows) {
      checkPresence();
      if (!rows.hasSchema()) {
        throw new IllegalArgumentException(
            "The rows have no schema, so their columns have no names and types. Call setRowSchema(schema) on the PCollection.");
      }
      Schema schema = rows.getSchema();
      RowTypes.check(schema, option(RowTypes.UNKNOWN_LOGICAL_TYPES));
      warnOfLiteral(option("api_key").toString());
      LocalService service = expansionService == null ? LocalService.shared() : null;
      String address = service == null ? expansionService : service.address();
      PCollectionRowTuple outputs = PCollectionRowTuple.empty(rows.getPipeline());
      for (Map.Entry<TupleTag<?>, PCollection<?>> output : expandExternal(rows, service, address).getAll().entrySet()) {
        @SuppressWarnings("unchecked") // both outputs of the sink are rows
        PCollection<Row> collection = (PCollection<Row>) output.getValue();
        outputs = outputs.and(output.getKey().getId(), collection);
      }
      return outputs;
    }

    private void checkPresence() {
      String needs =
          " writeRows() needs withApiKey, withWorkspaceName, withStreamSourceName, and withTectonInstance or withEndpointUrl.";
      for (String name : new String[] {"api_key", "workspace_name", "stream_source_name"}) {
        if (option(name) == null) {
          throw new IllegalArgumentException(name + " is missing." + needs);
        }
      }
      if (option("tecton_instance") == null && option("endpoint_url") == null) {
        throw new IllegalArgumentException("tecton_instance is missing." + needs);
      }
    }

    private PCollectionTuple expandExternal(PCollection<Row> rows, LocalService service, String address) {
      // Beam up to 2.65 makes the environment of LOOPBACK jobs when a transform is expanded, before the runner has filled in its
      // address, and fails. The environment of the Java steps is of no interest to the sink, so another one stands in.
      PortablePipelineOptions pipelineOptions = rows.getPipeline().getOptions().as(PortablePipelineOptions.class);
      String environment = pipelineOptions.getDefaultEnvironmentType();
      boolean loopback = "LOOPBACK".equals(environment) && pipelineOptions.getDefaultEnvironmentConfig() == null;
      try {
        if (loopback) {
          pipelineOptions.setDefaultEnvironmentType("EMBEDDED");
        }
        if (service == null) {
          ServiceVersion.check(address);
        }
        return rows.apply("Write", External.<PCollection<Row>, Row>of(URN, ConfigurationRow.payload(options), address).withMultiOutputs());
      } catch (RuntimeException error) {
        throw explained(error, service, address);
      } catch (Exception error) {
        throw new IllegalStateException("The expansion service at " + address + " could not be asked for its version.", error);
      } finally {
        if (loopback) {
          pipelineOptions.setDefaultEnvironmentType(environment);
        }
      }
    }

    /** Beam's exception as one that says what to do; the service's own words stay as they are. */
    private static RuntimeException explained(RuntimeException error, LocalService service, String address) {
      String text = Objects.toString(error.getMessage(), "");
      if (text.startsWith(REFUSAL)) {
        return new IllegalArgumentException(text.substring(REFUSAL.length()));
      }
      if (!error.getClass().getSimpleName().equals("StatusRuntimeException")) { // gRPC's, in a package named for its version
        return error;
      }
      String cause = error.getCause() == null ? "" : " (" + error.getCause().getMessage() + ")";
      if (service == null) {
        return new IllegalStateException(
            String.format(
                "The expansion service at %s did not answer: %s%s. Check that it runs and the address is right.", address, text, cause));
      }
      return new IllegalStateException(
          String.format(
              "The beam-tecton service at %s did not answer: %s%s. Its last lines:%n%s", address, text, cause, service.lastLines()));
    }

    private static void warnOfLiteral(String key) {
      boolean reference = key.startsWith("env:") || key.startsWith("file:") || key.startsWith("type:");
      if (!reference && WARNED.compareAndSet(false, true)) {
        LOG.warn(
            "api_key was given as the key itself, so the key is part of the pipeline's definition and whoever may read the job can read it."
                + " Prefer a reference, which the worker resolves: \"env:TECTON_API_KEY\", \"file:/path/to/key\", or a Google secret.");
      }
    }

    @Override
    public void populateDisplayData(DisplayData.Builder builder) {
      super.populateDisplayData(builder);
      add(builder, "tecton_instance", "Tecton instance");
      add(builder, "endpoint_url", "Ingest endpoint");
      add(builder, "workspace_name", "Workspace");
      add(builder, "stream_source_name", "Stream source");
    }

    private void add(DisplayData.Builder builder, String name, String label) {
      Object value = option(name);
      if (value != null) {
        builder.add(DisplayData.item(name, value.toString()).withLabel(label));
      }
    }
  }
}
