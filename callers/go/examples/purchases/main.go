// Command purchases writes typed rows, with nulls, times and nested values, to a stream source of Tecton.
//
//	export TECTON_API_KEY=...
//	go run ./examples/purchases --tecton_instance=acme.tecton.ai --workspace_name=prod --stream_source_name=purchases
//
// --runner chooses the runner as in every Go pipeline; without it Prism runs inside the program. The API key is the one in the
// environment variable TECTON_API_KEY, which only the worker reads. Refused rows are counted and do not stop the others.
//
// The last line of its output has the counters of the write and what its two outputs held, as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"reflect"
	"time"

	"beamtecton/tectonio"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

var (
	instance    = flag.String("tecton_instance", "", "Host name of the Tecton account.")
	endpointURL = flag.String("endpoint_url", "", "Whole URL to send to, in place of the one made from tecton_instance.")
	workspace   = flag.String("workspace_name", "", "Live workspace that holds the stream source.")
	source      = flag.String("stream_source_name", "", "Stream source that takes the purchases.")
	expansion   = flag.String("expansion_service", "", "host:port of an expansion service that runs; by default one is started.")
	count       = flag.Int("count", 100, "How many purchases to write.")
	broken      = flag.Int("broken", 0, "How many purchases to add that are refused: their amount is not a number.")
	environment = flag.String("sink_environment_type", "", "How the runner starts the worker: PROCESS, EXTERNAL or DOCKER.")
	workerAt    = flag.String("sink_environment_config", "", "The command, address or image that belongs to it.")
	absolute    = flag.Bool("no_negative_int32", false, "Make the column small positive: Beam's Flink runner reads no negative int32 of Go's.")
)

// Shop is where something was bought.
type Shop struct {
	City string  `beam:"city"`
	Lat  float64 `beam:"lat"`
}

// Purchase has the columns of the stream source.
type Purchase struct {
	UserID    string            `beam:"user_id"`
	Amount    *float64          `beam:"amount"` // nil: null
	Items     int               `beam:"items"`  // below zero: given back
	Small     int32             `beam:"small"`
	Paid      bool              `beam:"paid"`
	Tags      []string          `beam:"tags"`
	Labels    map[string]string `beam:"labels"`
	Shop      Shop              `beam:"shop"`
	EventTime time.Time         `beam:"event_time"`
}

func init() {
	tectonio.RegisterRow[Purchase]()
	beam.RegisterType(reflect.TypeFor[Shop]())
	register.DoFn2x0[[]byte, func(Purchase)](&makePurchases{})
	register.Function2x0(countWritten)
	register.Function2x0(countFailed)
	register.Emitter1[Purchase]()
}

// makePurchases emits purchases of as many users, the last ones with an amount that JSON cannot hold.
type makePurchases struct {
	Count, Broken   int
	NoNegativeInt32 bool
}

func (m *makePurchases) ProcessElement(_ []byte, emit func(Purchase)) {
	for i := range m.Count + m.Broken {
		purchase := Purchase{
			UserID:    fmt.Sprintf("user-%d", i),
			Items:     i,
			Small:     int32(-i),
			Paid:      i%2 == 0,
			Tags:      []string{"a", "b"},
			Labels:    map[string]string{"channel": "web"},
			Shop:      Shop{City: "Köln", Lat: 50.9375},
			EventTime: time.Unix(1_700_000_000+int64(i), 250_000_000).UTC(),
		}
		if i%4 == 0 {
			purchase.Items = -i
		}
		if m.NoNegativeInt32 {
			purchase.Small = int32(i)
		}
		if i%3 != 0 {
			amount := float64(i) + 0.5
			purchase.Amount = &amount
		}
		if i >= m.Count {
			amount := math.NaN()
			purchase.Amount = &amount
		}
		emit(purchase)
	}
}

var (
	writtenRecords = beam.NewCounter("purchases", "written")
	failedRows     = beam.NewCounter("purchases", "failed")
)

func countWritten(ctx context.Context, written tectonio.Written) {
	writtenRecords.Inc(ctx, written.Records)
}

func countFailed(ctx context.Context, failed tectonio.FailedRow[Purchase]) {
	failedRows.Inc(ctx, 1)
	fmt.Fprintf(os.Stderr, "%s was refused: %s\n", failed.Row.UserID, failed.ErrorMessage)
}

func main() {
	flag.Parse()
	beam.Init()

	options := []tectonio.Option{tectonio.TimestampField("event_time"), tectonio.ErrorHandling("errors")}
	if *endpointURL != "" {
		options = append(options, tectonio.EndpointURL(*endpointURL))
	}
	if *expansion != "" {
		options = append(options, tectonio.ExpansionService(*expansion))
	}
	if *environment != "" {
		options = append(options, tectonio.EnvironmentType(*environment))
	}
	if *workerAt != "" {
		options = append(options, tectonio.EnvironmentConfig(*workerAt))
	}
	pipeline, s := beam.NewPipelineWithRoot()
	purchases := beam.ParDo(s, &makePurchases{*count, *broken, *absolute}, beam.Impulse(s))
	result, err := tectonio.TryWrite(s, tectonio.Config{
		TectonInstance:   *instance,
		APIKey:           "env:TECTON_API_KEY",
		WorkspaceName:    *workspace,
		StreamSourceName: *source,
	}, purchases, options...)
	if err != nil {
		log.Fatal(err)
	}
	beam.ParDo0(s, countWritten, result.Written)
	beam.ParDo0(s, countFailed, result.FailedRows)

	ran, err := beamx.RunWithMetrics(context.Background(), pipeline)
	if err != nil {
		log.Fatal(err)
	}
	if err := printCounters(ran.Metrics()); err != nil {
		log.Fatal(err)
	}
}

func printCounters(results metrics.Results) error {
	counters := map[string]int64{}
	for _, counter := range results.AllMetrics().Counters() {
		switch counter.Namespace() {
		case "purchases", "tecton_stream_ingest":
			counters[counter.Name()] += counter.Result()
		}
	}
	return json.NewEncoder(os.Stdout).Encode(counters)
}
