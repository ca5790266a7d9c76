package tectonio

import (
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

// Written is one request that Tecton acknowledged, in one bundle and window.
//
// Its fields are those of the sink's output, in their order. Beam finds this type by the UUID that it makes of the name
// tectonio.Written, which the sink puts into the output's schema: neither name may change alone.
type Written struct {
	Records        int64   `beam:"records"`          // rows of the bundle and its windows in the request
	Attempts       int64   `beam:"attempts"`         // tries until they were acknowledged
	Status         int64   `beam:"status"`           // HTTP
	LatencyMS      int64   `beam:"latency_ms"`       // of the last try
	FirstEventTime Instant `beam:"first_event_time"` // Beam's, of the earliest row
	LastEventTime  Instant `beam:"last_event_time"`  // and of the latest
}

// Instant is Beam's micros_instant, as it is encoded.
type Instant struct {
	Seconds int64 `beam:"seconds"` // since 1970, rounded down
	Micros  int64 `beam:"micros"`
}

// Time is the instant in UTC.
func (i Instant) Time() time.Time {
	return time.Unix(i.Seconds, i.Micros*1000).UTC()
}

func init() {
	beam.RegisterType(reflect.TypeFor[Written]())
	beam.RegisterType(reflect.TypeFor[Instant]())
}
