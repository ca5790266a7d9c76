package tectonio

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// Option is a setting that has a default. The functions have the names of the options in Beam's other languages, without their
// underscores; the table of all, with ranges and defaults, is printed by `beam-tecton options`.
type Option func(*settings)

const (
	errorOutputOption    = "error_handling.output"
	errorThresholdOption = "error_handling.threshold"
)

func option(name string, value any) Option {
	return func(s *settings) { s.add(name, value) }
}

// BatchSize is how many records one request has at most, 1 to 10. Default 10.
func BatchSize(records int) Option { return option("batch_size", int64(records)) }

// MaxRetries is how often a request that was sent and failed is sent again. Default 3.
func MaxRetries(retries int) Option { return option("max_retries", int64(retries)) }

// Timeout is how long one request may take, from connecting to the answer's last byte. Default 30 s.
func Timeout(timeout time.Duration) Option { return option("timeout", timeout.Seconds()) }

// EndpointURL is the whole URL to send to, in place of the one made from TectonInstance.
func EndpointURL(url string) Option { return option("endpoint_url", url) }

// DryRun lets Tecton check the records and write nothing.
func DryRun(dryRun bool) Option { return option("dry_run", dryRun) }

// LingerMS is how many milliseconds a batch that is not full waits for more rows while no input is there; 0 means until the
// bundle's end. Default 10.
func LingerMS(milliseconds int) Option { return option("linger_ms", int64(milliseconds)) }

// MaxInFlight is the most requests under way at one time to one endpoint, for a whole worker process. Default 200.
func MaxInFlight(requests int) Option { return option("max_in_flight", int64(requests)) }

// MaxRecordsPerSecond is the most records sent in a second to one endpoint, for a whole worker process; 0, the default, means
// no cap.
func MaxRecordsPerSecond(records int) Option { return option("max_records_per_second", int64(records)) }

// MaxRetrySeconds is how long a request is tried in all, whatever the reason it fails. Default 300.
func MaxRetrySeconds(seconds int) Option { return option("max_retry_seconds", int64(seconds)) }

// ErrorHandling names an output that takes the rows that are refused; without it a refused row fails its bundle. The rows are
// in [Result].FailedRows, as [FailedRow] of their type, which has to be registered with [RegisterRow].
func ErrorHandling(output string) Option { return option(errorOutputOption, output) }

// ErrorHandlingThreshold is the share of refused rows, above 0 and up to 1, above which bundles fail, counted in each worker
// process from its 100th row on. Default 1.
func ErrorHandlingThreshold(share float64) Option { return option(errorThresholdOption, share) }

// OnExhausted says what becomes of rows whose retries ran out: "fail" (default) fails the bundle, "dead_letter" gives them to
// the output of ErrorHandling.
func OnExhausted(what string) Option { return option("on_exhausted", what) }

// Preflight says what is checked before the first write: "schema" (default) compares the types of the rows with what Tecton
// takes, "full" also asks Tecton for a dry run of the first row, "off" leaves all to the worker.
func Preflight(what string) Option { return option("preflight", what) }

// StartupGraceSeconds is for how long after its first request a worker process tries again when Tecton does not find the
// workspace or the source. Default 0.
func StartupGraceSeconds(seconds int) Option { return option("startup_grace_seconds", int64(seconds)) }

// TimestampField is the timestamp column of the source: its presence and type are then checked by Write.
func TimestampField(column string) Option { return option("timestamp_field", column) }

// KeyFields are the join keys; with TimestampField, rows of one bundle with equal keys and time are counted.
func KeyFields(columns ...string) Option { return option("key_fields", strings.Join(columns, ",")) }

// TimestampFromElement is the name of a column to add that holds Beam's event time of each row.
func TimestampFromElement(column string) Option { return option("timestamp_from_element", column) }

// Int64Encoding says how 64-bit integers are written: "auto" (default), "number" or "string".
func Int64Encoding(how string) Option { return option("int64_encoding", how) }

// NonFinite says what becomes of NaN and infinities: "reject" (default), "null" or "string".
func NonFinite(what string) Option { return option("non_finite", what) }

// BytesEncoding says how columns of type []byte are written: "base64" (default) or "reject".
func BytesEncoding(how string) Option { return option("bytes_encoding", how) }

// UnknownLogicalTypes says what becomes of columns whose logical type the sink does not know: "refuse" (default) or
// "representation".
func UnknownLogicalTypes(what string) Option { return option("unknown_logical_types", what) }

// CAFile is a PEM file on the worker with the certificates to trust, in place of the system's.
func CAFile(path string) Option { return option("ca_file", path) }

// Proxy is "env" (default: the worker's HTTPS_PROXY and NO_PROXY), "none", or the proxy's URL.
func Proxy(proxy string) Option { return option("proxy", proxy) }

// AllowInsecure lets EndpointURL be http:// for a host other than this machine; the key then travels readable.
func AllowInsecure(allow bool) Option { return option("allow_insecure", allow) }

// EnvironmentType is how the runner starts the worker, in Beam's words: "PROCESS", "EXTERNAL" or "DOCKER". "DEFAULT" lets it
// choose between a process and the pool that this program keeps while it runs.
func EnvironmentType(environment string) Option { return option("environment_type", environment) }

// EnvironmentConfig is the command, address or image that belongs to EnvironmentType.
func EnvironmentConfig(config string) Option { return option("environment_config", config) }

// ContainerImage is the image that holds the worker, for runners that start containers.
func ContainerImage(image string) Option { return option("container_image", image) }

// WorkerCommand is the path of the program beam-tecton on the machines that run the pipeline, for runners that start the worker
// as a process; without it, its path on this machine.
func WorkerCommand(path string) Option { return option("worker_command", path) }

// ExpansionService is the host:port of a `beam-tecton expansion-service` that runs, in place of one that is started for this
// program.
func ExpansionService(address string) Option {
	return func(s *settings) {
		if address == "" {
			s.errs = append(s.errs, fmt.Errorf("ExpansionService is empty. Write host:port, or leave the option out"))
		}
		s.expansionAddress = address
	}
}

var optionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]*$`)

// Set sets an option by its name, as flags and configuration files have it. The value is a string, a bool, an integer or a
// float; a name that does not exist is refused by [Write], with the name that was probably meant.
func Set(name string, value any) Option {
	return func(s *settings) {
		if !optionName.MatchString(name) {
			s.errs = append(s.errs, fmt.Errorf("%q is not the name of an option. `beam-tecton options` prints them all", name))
			return
		}
		v := reflect.ValueOf(value)
		switch {
		case v.IsValid() && v.Kind() == reflect.String:
			s.add(canonical(name), v.String())
		case v.IsValid() && v.Kind() == reflect.Bool:
			s.add(canonical(name), v.Bool())
		case v.IsValid() && v.CanInt():
			s.add(canonical(name), v.Int())
		case v.IsValid() && v.CanFloat():
			s.add(canonical(name), v.Float())
		default:
			s.errs = append(s.errs, fmt.Errorf("option %s is a %T. Give a string, a bool, an int or a float64", name, value))
		}
	}
}

// canonical is the name as this package reads it back, for the few it does.
func canonical(name string) string {
	for _, known := range []string{errorOutputOption, "endpoint_url"} {
		if folded(name) == folded(known) {
			return known
		}
	}
	return name
}
