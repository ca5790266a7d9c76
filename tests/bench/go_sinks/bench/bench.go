// Package bench is what the sinks in Beam's Go SDK have in common: the row, and a program that is pipeline and worker in
// one. Started with -dump it prints a pipeline whose last step is the sink, as a serialised proto; started by a runner
// it is the Go SDK's own worker.
package bench

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

func makeRow(_ []byte) Row {
	return Row{}
}

func init() {
	register.Function1x1(makeRow)
	beam.RegisterType(reflect.TypeOf(Row{}))
}

var dump = flag.Bool("dump", false, "print the pipeline")

// Main is the program of one sink, a DoFn on Row without outputs.
func Main(sink any) {
	flag.Parse()
	beam.Init()
	if !*dump {
		log.Fatal("start it with -dump, or from a runner")
	}
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo0(s, sink, beam.ParDo(s, makeRow, beam.Impulse(s)))
	edges, _, err := p.Build()
	if err != nil {
		log.Fatal(err)
	}
	nowhere := func(context.Context) string { return "localhost:1" }
	environment, err := graphx.CreateEnvironment(context.Background(), "beam:env:external:v1", nowhere)
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
