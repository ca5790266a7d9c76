package tectonio

import (
	"os"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

func TestMain(m *testing.M) {
	beam.Init()
	code := m.Run()
	stopServices()
	os.Exit(code)
}
