// Go's pipeline of `./run bench engines`: makes rows and writes them, or counts and drops them.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"reflect"

	"beamtecton/tectonio"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

const chunks = 100 // bundles' worth of rows, spread over what runs side by side

var (
	rows        = flag.Int("rows", 0, "How many rows to make.")
	endpointURL = flag.String("endpoint_url", "", "Where to write; without it rows are dropped.")
	expansion   = flag.String("expansion_service", "", "Address of the expansion service.")
)

type timedRow struct {
	UserID string  `beam:"user_id"`
	Amount float64 `beam:"amount"`
	Count  int64   `beam:"count"`
	Active bool    `beam:"active"`
	Name   string  `beam:"name"`
	Ts     string  `beam:"ts"`
}

type makeRows struct {
	Rows int
}

func (m *makeRows) ProcessElement(chunk int, emit func(timedRow)) {
	for i := chunk * m.Rows / chunks; i < (chunk+1)*m.Rows/chunks; i++ {
		emit(timedRow{
			UserID: fmt.Sprintf("user-%05d", i%100000),
			Amount: float64(i) * 0.5,
			Count:  int64(i) * 3,
			Active: i%2 == 0,
			Name:   fmt.Sprintf("name-%07d", i%10000000),
			Ts:     fmt.Sprintf("2026-03-01T%02d:%02d:%02d.000250Z", i/3600%24, i/60%60, i%60),
		})
	}
}

var dropped = beam.NewCounter("null_sink", "rows")

func drop(ctx context.Context, _ timedRow) {
	dropped.Inc(ctx, 1)
}

func init() {
	beam.RegisterType(reflect.TypeFor[timedRow]())
	register.DoFn2x0[int, func(timedRow)](&makeRows{})
	register.Function2x0(drop)
	register.Emitter1[timedRow]()
}

func main() {
	flag.Parse()
	beam.Init()
	pipeline, s := beam.NewPipelineWithRoot()
	numbers := make([]int, chunks)
	for i := range numbers {
		numbers[i] = i
	}
	made := beam.ParDo(s, &makeRows{*rows}, beam.Reshuffle(s, beam.CreateList(s, numbers)))
	if *endpointURL == "" {
		beam.ParDo0(s, drop, made)
	} else {
		tectonio.Write(s, tectonio.Config{APIKey: "env:TECTON_API_KEY", WorkspaceName: "prod", StreamSourceName: "events"}, made,
			tectonio.EndpointURL(*endpointURL), tectonio.ExpansionService(*expansion), tectonio.EnvironmentType("EXTERNAL"))
	}
	if err := beamx.Run(context.Background(), pipeline); err != nil {
		log.Fatal(err)
	}
}
