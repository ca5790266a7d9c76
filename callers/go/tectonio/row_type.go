package tectonio

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx/schema"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/typex"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
)

// checkRows refuses what Beam would encode as something else than a row, or as a row with other columns than the struct's. It
// returns the struct type.
func checkRows(rows beam.PCollection) (reflect.Type, error) {
	if !rows.IsValid() {
		return nil, fmt.Errorf("the PCollection of rows is not valid. Give one that a step of this pipeline made")
	}
	full := rows.Type()
	row := full.Type()
	if full.Class() != typex.Concrete {
		return nil, fmt.Errorf("the elements are %v, which are no rows. Map them to a struct with one field for each column", full)
	}
	if coder.LookupCustomCoder(row) != nil {
		return nil, fmt.Errorf("the elements are %v, which has a coder of its own and is no row. "+
			"Map them to a struct without a registered coder", full)
	}
	if row.Kind() == reflect.Pointer {
		row = row.Elem()
	}
	if path, held := holdsItself(row, row.String(), nil); held {
		return nil, fmt.Errorf("field %s: the type holds itself, and a row cannot. Flatten it, or leave the field out", path)
	}
	if row.Kind() != reflect.Struct || isLogical(row) {
		return nil, fmt.Errorf("the elements are %v, which are no rows. Map them to a struct with one field for each column", full)
	}
	return row, checkStruct(row, row.String())
}

// checkConcrete refuses types of which Beam makes no PCollection: it would panic at the first one, and not name the field.
func checkConcrete(row reflect.Type) error {
	_, err := typex.CheckConcrete(row)
	if _, held := holdsItself(row, "", nil); err == nil || held {
		return err
	}
	if named := checkStruct(row, row.String()); named != nil {
		return named
	}
	return err
}

// holdsItself finds recursion, in which Beam's schemas would be lost.
func holdsItself(t reflect.Type, path string, outer []reflect.Type) (string, bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsItself(t.Elem(), path, outer)
	case reflect.Struct:
		if slices.Contains(outer, t) {
			return path, true
		}
		for i := range t.NumField() {
			if at, held := holdsItself(t.Field(i).Type, path+"."+t.Field(i).Name, append(outer, t)); held {
				return at, true
			}
		}
	}
	return "", false
}

func checkStruct(row reflect.Type, path string) error {
	if row.NumField() == 0 {
		return fmt.Errorf("%s has no fields, so there is no column to write", path)
	}
	for i := range row.NumField() {
		field := row.Field(i)
		at := path + "." + field.Name
		if !field.IsExported() {
			return fmt.Errorf("field %s is not exported, so Beam cannot encode it. Write its name with a capital letter "+
				"(a tag `beam:\"%s\"` keeps the column's name), or use a struct without it", at, field.Name)
		}
		if err := checkType(field.Type, at); err != nil {
			return err
		}
	}
	return nil
}

func checkType(field reflect.Type, path string) error {
	switch field.Kind() {
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.UnsafePointer, reflect.Uintptr, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("field %s is a %v, which no column can hold. Convert it to a plain type, or use a struct without it", path,
			field)
	case reflect.Pointer:
		if field.Elem().Kind() == reflect.Pointer {
			return fmt.Errorf("field %s is a pointer to a pointer (%v). One pointer is enough for a column that may be null", path,
				field)
		}
		return checkType(field.Elem(), path)
	case reflect.Slice, reflect.Array:
		return checkType(field.Elem(), path+"[]")
	case reflect.Map:
		if field.Key().Kind() != reflect.String {
			return fmt.Errorf("field %s has keys of type %v, and Tecton's maps have string keys. Convert the keys before Write", path,
				field.Key())
		}
		return checkType(field.Elem(), path+"[]")
	case reflect.Struct:
		if isLogical(field) {
			return nil // such as time.Time; the service knows which it can write
		}
		return checkStruct(field, path)
	}
	return nil
}

// isLogical tells whether Beam has a coding of its own for the type, whatever its fields.
func isLogical(t reflect.Type) bool {
	holder := reflect.StructOf([]reflect.StructField{{Name: "F", Type: t}})
	made, err := schema.FromType(holder)
	if err != nil {
		return false
	}
	_, logical := made.GetFields()[0].GetType().GetTypeInfo().(*pipepb.FieldType_LogicalType)
	return logical
}
