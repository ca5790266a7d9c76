package tectonio

import (
	"errors"
	"reflect"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/xlangx"
)

// payload is an ExternalConfigurationPayload that has the given options and no others, so that the service's defaults hold for
// the rest.
func (s *settings) payload() ([]byte, error) {
	var fields []reflect.StructField
	for i, name := range s.names {
		fields = append(fields, reflect.StructField{
			Name: "F" + strconv.Itoa(i),
			Type: reflect.TypeOf(s.values[name]),
			Tag:  reflect.StructTag(`beam:"` + name + `"`),
		})
	}
	row := reflect.New(reflect.StructOf(fields)).Elem()
	for i, name := range s.names {
		row.Field(i).Set(reflect.ValueOf(s.values[name]))
	}
	encoded, err := xlangx.EncodeStructPayload(row.Interface())
	if err != nil {
		// Beam's text has the row, and the row the key.
		return nil, errors.New("the options cannot be encoded as a Beam row")
	}
	return encoded, nil
}
