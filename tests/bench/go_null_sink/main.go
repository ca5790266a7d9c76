// A null sink in Beam's Go SDK, for comparison: `gonullsink -dump` prints a pipeline whose last step is the sink, as a
// serialised proto; started by a runner it is the Go SDK's own worker.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness/init" // the worker's flags
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"google.golang.org/protobuf/proto"
)

// Row has the fields of the benchmark's rows, in their order.
type Row struct {
	UserID string  `beam:"user_id"`
	Amount float64 `beam:"amount"`
	Count  int64   `beam:"count"`
	Active bool    `beam:"active"`
	Name   string  `beam:"name"`
	Ts     int64   `beam:"ts"`
}

var rows = beam.NewCounter("null_sink", "rows")

func drop(ctx context.Context, _ Row) {
	rows.Inc(ctx, 1)
}

func make1(_ []byte) Row {
	return Row{}
}

func init() {
	register.Function2x0(drop)
	register.Function1x1(make1)
	beam.RegisterType(reflect.TypeOf(Row{}))
}

var dump = flag.Bool("dump", false, "print the pipeline")

func main() {
	flag.Parse()
	beam.Init()
	if !*dump {
		log.Fatal("start it with -dump, or from a runner")
	}
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo0(s, drop, beam.ParDo(s, make1, beam.Impulse(s)))
	edges, _, err := p.Build()
	if err != nil {
		log.Fatal(err)
	}
	environment, err := graphx.CreateEnvironment(context.Background(), "beam:env:external:v1", func(context.Context) string { return "localhost:1" })
	if err != nil {
		log.Fatal(err)
	}
	pipeline, err := graphx.Marshal(edges, &graphx.Options{Environment: environment})
	if err != nil {
		log.Fatal(err)
	}
	bytes, err := proto.Marshal(pipeline)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(bytes); err != nil {
		log.Fatal(err)
	}
}
