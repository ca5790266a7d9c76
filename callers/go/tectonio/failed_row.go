package tectonio

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

// FailedRow is a row that was refused, and why. Row is the struct type of the rows that were to be written.
type FailedRow[Row any] struct {
	Row            Row
	ErrorMessage   string // Tecton's words, or the worker's
	Status         int64  // HTTP; 0: no answer, or never sent
	ErrorClass     string
	Attempts       int64 // tries that the row was part of
	PossiblyStored bool  // a try may have stored it although no answer said so
}

// numFailedFields is the number of columns of the sink's dead-letter output; FailedRow has them in their order.
const numFailedFields = 6

// registeredRow is what RegisterRow noted of a row type.
type registeredRow struct {
	failed reflect.Type // FailedRow[Row]
	typed  any          // the DoFn that makes it
}

var (
	registeredMutex sync.Mutex
	registeredRows  = map[reflect.Type]registeredRow{}
)

// RegisterRow registers the struct type Row and [FailedRow] of it with Beam, which [ErrorHandling] needs. Call it in an init
// function:
//
//	func init() { tectonio.RegisterRow[Purchase]() }
func RegisterRow[Row any]() {
	row := reflect.TypeFor[Row]()
	if row.Kind() != reflect.Struct || row.Name() == "" {
		panic(fmt.Sprintf("tectonio.RegisterRow takes a struct type that has a name, not %v.", row))
	}
	if err := checkConcrete(row); err != nil {
		panic(fmt.Sprintf("tectonio.RegisterRow: %v.", err))
	}
	beam.RegisterType(row)
	beam.RegisterType(reflect.TypeFor[FailedRow[Row]]())
	register.DoFn2x1[beam.X, func(FailedRow[Row]), error](&typedFailedRowFn[Row]{})
	register.Emitter1[FailedRow[Row]]()
	registeredMutex.Lock()
	defer registeredMutex.Unlock()
	registeredRows[row] = registeredRow{failed: reflect.TypeFor[FailedRow[Row]](), typed: &typedFailedRowFn[Row]{}}
}

func lookupRow(row reflect.Type) (registeredRow, error) {
	registeredMutex.Lock()
	defer registeredMutex.Unlock()
	registered, found := registeredRows[row]
	if !found {
		return registered, fmt.Errorf("ErrorHandling needs the type of the rows, %v, to be registered. "+
			"Write: func init() { tectonio.RegisterRow[%v]() }", row, row)
	}
	return registered, nil
}

// typedFailedRowFn gives the rows of the dead-letter output their Go type. Their schema holds the schema of the user's rows, so
// its id cannot be one that Beam finds a Go type by, and Beam decodes them to a struct without a name.
type typedFailedRowFn[Row any] struct{}

func (*typedFailedRowFn[Row]) ProcessElement(external beam.X, emit func(FailedRow[Row])) error {
	var failed FailedRow[Row]
	if err := copyFields(reflect.ValueOf(external), reflect.ValueOf(&failed).Elem()); err != nil {
		return err
	}
	emit(failed)
	return nil
}

// copyFields sets the fields of `to` by position.
func copyFields(from, to reflect.Value) error {
	from = reflect.Indirect(from)
	if from.Kind() != reflect.Struct || from.NumField() != numFailedFields {
		return fmt.Errorf("tectonio: the dead-letter output holds %v, which is not a row of this version (%s)", from.Type(), Version)
	}
	for i := range numFailedFields {
		value := from.Field(i)
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
		}
		if !value.IsValid() || !value.CanConvert(to.Field(i).Type()) {
			return fmt.Errorf("tectonio: field %d of the dead-letter output is %v, which is not %v", i, from.Field(i).Type(),
				to.Field(i).Type())
		}
		to.Field(i).Set(value.Convert(to.Field(i).Type()))
	}
	return nil
}
