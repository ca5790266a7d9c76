// A null sink in Beam's Go SDK, for comparison: it decodes rows, counts them and drops them.
package main

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"gosinks/bench"
)

var rows = beam.NewCounter("null_sink", "rows")

func drop(ctx context.Context, _ bench.Row) {
	rows.Inc(ctx, 1)
}

func init() {
	register.Function2x0(drop)
}

func main() {
	bench.Main(drop)
}
